#include "bench/meters/power_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/base/error.h"
#include "bench/meters/iso_time.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string sample(const std::string& name) {
  std::ifstream file(std::string(ERGON_SOURCE_DIR) + "/tests/data/printed/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

PowerLog parsed(const std::string& text, const LogOptions& options = {}) {
  return parse_power_log(text, "a.csv", options);
}

std::string refusal(const std::string& text, const LogOptions& options = {}) {
  try {
    parsed(text, options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

LogOptions in(const char* unit) {
  LogOptions options;
  options.unit = unit_from_name(unit);
  return options;
}

TEST(Moments, AreReadWithTheirZones) {
  EXPECT_EQ(moment_from("1970-01-02T00:00:01Z")->utc_seconds, 86401);
  EXPECT_EQ(moment_from("2026-01-30T11:12:01+01:00")->utc_seconds,
            moment_from("2026-01-30 10:12:01Z")->utc_seconds);
  EXPECT_EQ(moment_from("2026-01-30T05:42:01-0430")->utc_seconds,
            moment_from("2026-01-30T10:12:01Z")->utc_seconds);
  EXPECT_DOUBLE_EQ(moment_from("1970-01-01T00:00:00.125Z")->utc_seconds, 0.125);
  EXPECT_DOUBLE_EQ(moment_from("1970-01-01T00:00:00.125Z")->resolution_seconds, 1e-3);
  EXPECT_FALSE(moment_from("2026-01-30T10:12:01")->has_zone);
  EXPECT_EQ(moment_from("2026-01-30T10:12")->resolution_seconds, 60);
  EXPECT_EQ(moment_from("2024-02-29T00:00:00Z")->utc_seconds, 1709164800);
}

TEST(Moments, ThatNoCalendarHasAreRefused) {
  for (const char* text :
       {"", "2026", "2026-01-30", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-01-30T24:00:00Z", "2026-01-30T10:60:00Z", "2026-01-30T10:12:61Z",
        "2026-01-30T10:12:01.Z", "2026-01-30T10:12:01X", "2026-01-30T10:12:01+1:2:3",
        "2026/01/30 10:12:01Z", "1969-01-01T00:00:00Z"})
    EXPECT_FALSE(moment_from(text)) << text;
  EXPECT_EQ(zone_seconds_from("+2"), 7200);
  EXPECT_EQ(zone_seconds_from("Z"), 0);
  for (const char* text : {"", "2", "+", "+16", "+01:60", "+01:00x"})
    EXPECT_FALSE(zone_seconds_from(text)) << text;
}

TEST(PowerLogs, OfAnAnalyserNameTheirUnitAndZone) {
  const PowerLog log = parsed(sample("scpi-logger.csv"));
  ASSERT_EQ(log.readings.size(), 3U);
  EXPECT_EQ(log.quantity, Quantity::watts);
  EXPECT_TRUE(log.is_utc);
  EXPECT_DOUBLE_EQ(log.readings[0].value, 61.72);
  EXPECT_DOUBLE_EQ(log.readings[0].seconds, moment_from("2026-01-30T10:12:01Z")->utc_seconds);
  EXPECT_NEAR(log.readings[1].seconds - log.readings[0].seconds, 0.1, 1e-6);
  EXPECT_DOUBLE_EQ(log.value_resolution, 0.01);
  EXPECT_DOUBLE_EQ(log.stamp_resolution_seconds, 1e-3);
  EXPECT_EQ(log.lines[2], 4);
}

TEST(PowerLogs, OfAPlugCountWattHours) {
  const PowerLog log = parsed(sample("shelly-log.csv"));
  EXPECT_EQ(log.quantity, Quantity::cumulative_joules);
  EXPECT_DOUBLE_EQ(log.readings[0].value, 1234.567 * 3600);
  EXPECT_DOUBLE_EQ(log.value_resolution, 3.6);
}

TEST(PowerLogs, MayHaveNoHeadingAndAnyZeroOfTime) {
  const PowerLog log = parsed("0.0\t61,5\n0.1\t61,75\n", in("W"));
  ASSERT_EQ(log.readings.size(), 2U);
  EXPECT_FALSE(log.is_utc);
  EXPECT_DOUBLE_EQ(log.readings[1].seconds, 0.1);
  EXPECT_DOUBLE_EQ(log.readings[1].value, 61.75);
}

TEST(PowerLogs, KnowMillisecondsSince1970) {
  const PowerLog log = parsed("1769767920123,61\n", in("mW"));
  EXPECT_TRUE(log.is_utc);
  EXPECT_DOUBLE_EQ(log.readings[0].seconds, 1769767920.123);
  EXPECT_DOUBLE_EQ(log.readings[0].value, 0.061);
}

TEST(PowerLogs, PassOverCommentsEmptyLinesQuotesAndLostValues) {
  const PowerLog log =
      parsed("\xef\xbb\xbf# a plug\r\n\r\n\"time, s\",\"power (W)\"\r\n1,\"5\"\r\n2,\r\n3,6\r\n");
  ASSERT_EQ(log.readings.size(), 2U);
  EXPECT_EQ(log.readings[1].seconds, 3);
  EXPECT_EQ(log.lines[1], 6);
}

TEST(PowerLogs, TakeTheColumnsThatAreNamed) {
  LogOptions options;
  options.time_column = "when";
  options.value_column = "out W";
  EXPECT_EQ(parsed("in W,when,out W\n5,1,7\n", options).readings[0].value, 7);
  options = in("W");
  options.time_column = "2";
  options.value_column = "1";
  EXPECT_EQ(parsed("5,1\n", options).readings[0].value, 5);
}

TEST(PowerLogs, SayWhereTheyAreWrong) {
  EXPECT_THAT(refusal(""), HasSubstr("a.csv:1: holds no readings"));
  EXPECT_THAT(refusal("time,W\n"), HasSubstr("a.csv:1: holds no readings"));
  EXPECT_THAT(refusal("\xff\xfet\0i\0"), StartsWith("a.csv:1: is UTF-16"));
  EXPECT_THAT(refusal("time,W\n1,5\n2,5,7\n"), StartsWith("a.csv:3: has 3 fields"));
  EXPECT_THAT(refusal("time;W\n1;5;6\n"), StartsWith("a.csv:2: has 3 fields"));
  EXPECT_EQ(parsed("time,W\n1,5,,\n").readings.size(), 1U);
  EXPECT_THAT(refusal("time,W\n1,5\n2,x\n"), StartsWith("a.csv:3: W: 'x' is no number"));
  EXPECT_THAT(refusal("time,W\n1,nan\n"), StartsWith("a.csv:2: W: 'nan' is no number"));
  EXPECT_THAT(refusal("time,W\n1\n"), StartsWith("a.csv:2: W: is missing: the line has 1 field"));
  EXPECT_THAT(refusal("time,W\nnoon,5\n"), StartsWith("a.csv:2: time: 'noon' is no date"));
  EXPECT_THAT(refusal("time,W\n1,5\nnoon,5\n"),
              StartsWith("a.csv:3: time: 'noon' is no number of seconds"));
  EXPECT_THAT(refusal("time,W\n2026-01-30T10:12:01,5\n"), HasSubstr("give --utc-offset"));
  EXPECT_THAT(refusal("time,power\n1,5\n"), HasSubstr("power: does not say its unit; give --unit"));
  EXPECT_THAT(refusal("time,in W,out W\n1,5,6\n"), HasSubstr("--value-column"));
  EXPECT_THAT(refusal("only\n"), HasSubstr("two columns"));
  EXPECT_THAT(refusal("99999999999999999,5\n", in("W")), HasSubstr("neither seconds nor milli"));
  LogOptions options = in("W");
  options.value_column = "watts";
  EXPECT_THAT(refusal("time,W\n1,5\n", options), StartsWith("a.csv:1: watts: there is no such"));
  options.value_column = "time";
  EXPECT_THAT(refusal("time,W\n1,5\n", options), HasSubstr("cannot be the time and the value"));
}

TEST(PowerLogs, TakeTheZoneThatIsGiven) {
  LogOptions options;
  options.zone_seconds = 3600;
  EXPECT_EQ(parsed("time,W\n1970-01-01T02:00:00,5\n", options).readings[0].seconds, 3600);
}

TEST(PowerLog, IsTurnedRoundWhereTheNewestReadingComesFirst) {
  const PowerLog log = parse_power_log("t,W\n30,3\n20,2\n20,1\n10,4\n", "log.csv", {});
  ASSERT_EQ(log.readings.size(), 4U);
  EXPECT_EQ(log.readings.front().seconds, 10);
  EXPECT_EQ(log.readings.back().value, 3);
  EXPECT_EQ(log.lines, (std::vector<int>{5, 4, 3, 2}));
  const PowerLog steps = parse_power_log("t,W\n10,3\n30,2\n20,1\n", "log.csv", {});
  EXPECT_EQ(steps.readings.front().seconds, 10);  // its clock went back
}

TEST(PowerLog, RefusesStampsThatAreNoTime) {
  EXPECT_THROW(parse_power_log("seconds,W\n0,5\n-1.7e308,5\n", "log.csv", {}), UserError);
}

}  // namespace
}  // namespace ergon
