// Watts and joules in what real programs print, and what must not be taken for them.
#include "bench/meters/printed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace ergon {
namespace {

using ::testing::HasSubstr;

std::string sample(const std::string& name) {
  std::ifstream file(std::string(ERGON_SOURCE_DIR) + "/tests/data/printed/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

Maybe<Printed> plain(std::string_view text, const char* unit = nullptr) {
  return find_printed(text, nullptr, unit ? unit_from_name(unit) : std::nullopt);
}

Maybe<Printed> matched(std::string_view text, const char* expression, const char* unit = nullptr) {
  const auto pattern = Pattern::compile(expression);
  EXPECT_TRUE(pattern) << pattern.reason();
  return find_printed(text, &*pattern, unit ? unit_from_name(unit) : std::nullopt);
}

TEST(Printed, FindsThePowerThatIpmitoolPrints) {
  const auto found = plain(sample("ipmitool-dcmi.txt"));
  ASSERT_TRUE(found) << found.reason();
  EXPECT_EQ(found->value, 220);
  EXPECT_EQ(found->quantity, Quantity::watts);
  EXPECT_EQ(found->resolution, 1);
}

TEST(Printed, FindsWhatThePatternOfARecipeNames) {
  EXPECT_EQ(
      matched(sample("redfish-power.json"), R"("PowerConsumedWatts": *([0-9.]+))", "W")->value,
      344);
  EXPECT_EQ(matched(sample("redfish-sensor.json"), R"("Reading": *([0-9.]+))", "W")->value, 374.5);
  EXPECT_EQ(matched(sample("shelly-gen2-switch.json"), R"("apower": *(-?[0-9.]+))", "W")->value,
            61.7);
  const auto energy = matched(sample("shelly-gen2-switch.json"), R"("total": *([0-9.]+))", "Wh");
  EXPECT_DOUBLE_EQ(energy->value, 1234.567 * 3600);
  EXPECT_EQ(energy->quantity, Quantity::cumulative_joules);
  EXPECT_DOUBLE_EQ(energy->resolution, 3.6);
  EXPECT_EQ(matched(sample("tasmota-status8.json"), R"("Power": *([0-9.]+))", "W")->value, 61);
  EXPECT_EQ(matched(sample("amd-smi-power.json"),
                    R"re("socket_power": *[{]\s*"value": *([0-9.]+))re", "W")
                ->value,
            137);
  EXPECT_EQ(plain(sample("amd-smi-power.txt"))->value, 137);
}

TEST(Printed, KnowsUnitsByTheirCase) {
  EXPECT_EQ(plain("12.5 mW")->value, 12.5e-3);
  EXPECT_EQ(plain("1.5kW")->value, 1500);
  EXPECT_EQ(plain("3 watts")->value, 3);
  EXPECT_EQ(plain("7 kJ")->quantity, Quantity::cumulative_joules);
  EXPECT_EQ(plain("2 kWh")->value, 7.2e6);
  EXPECT_DOUBLE_EQ(plain("5 uJ")->value, 5e-6);
  EXPECT_EQ(plain("1.2e3 W")->value, 1200);
  EXPECT_EQ(plain("-4 W")->value, -4);
  for (const char* text : {"12 w", "12 MHz", "12 Wx", "12 W2", "12 V", "12"})
    EXPECT_FALSE(plain(text)) << text;
}

TEST(Printed, TakesTheFirstNumberWithAUnitBeforeABareOne) {
  EXPECT_EQ(plain("PSU1 at 230 V draws 61 W, fan 12", "W")->value, 61);
  EXPECT_EQ(plain("61.25\n", "mW")->value, 61.25e-3);
  EXPECT_THAT(plain("61.25").reason(), HasSubstr("unit="));
}

TEST(Printed, TakesNoPartOfAnotherNumberOrWord) {
  for (const char* text : {"1,234 W", "12,3 W", "200-300 W", "v1.2.3 W", "GPU0 W", "12:30 W",
                           "a12 W", "x_3 W", "1..2 W", "GPU-7 W", "2026-01-30 W"})
    EXPECT_FALSE(plain(text)) << text << " gave " << plain(text)->value;
  EXPECT_EQ(plain("power:220 W")->value, 220);
  EXPECT_EQ(plain("{\"w\":220}", "W")->value, 220);
  EXPECT_FALSE(plain("50MHz", "W"));
}

TEST(Printed, SaysWhyThereIsNoValue) {
  EXPECT_THAT(plain(" \n").reason(), HasSubstr("nothing was printed"));
  for (const char* text : {"100,5 W", "1,234 W", "P: 1.234,5 W"})
    EXPECT_THAT(plain(text).reason(), HasSubstr("of decimals or of thousands?")) << text;
  EXPECT_THAT(plain("1e308 kW").reason(), HasSubstr("too large"));
  EXPECT_THAT(plain("nan W").reason(), HasSubstr("no number"));
  EXPECT_THAT(matched("power: N/A", "power: (.*)").reason(),
              HasSubstr("'N/A', which is no number"));
  EXPECT_THAT(matched("x", "power: ([0-9]+)").reason(), HasSubstr("finds nothing in 'x'"));
  EXPECT_THAT(matched("p=12.5 W", "p=([0-9]+)").reason(), HasSubstr("unit"));
  EXPECT_THAT(matched("p=1234", "p=([0-9][0-9])", "W").reason(), HasSubstr("part of a number"));
}

TEST(Printed, TakesTheUnitInsideOrBehindTheGroup) {
  EXPECT_EQ(matched("p=12 kW", "p=([0-9]+)")->value, 12000);
  EXPECT_EQ(matched("p=12 kW", "p=(.*)")->value, 12000);
  EXPECT_EQ(matched("p=\"12\"", "p=(.*)", "W")->value, 12);
}

TEST(Printed, RefusesPatternsWithoutAGroupOrSense) {
  EXPECT_THAT(Pattern::compile("power").reason(), HasSubstr("no group"));
  EXPECT_THAT(Pattern::compile("(").reason(), HasSubstr("no regular expression"));
}

TEST(Printed, EndsSoonAndStaysOnTheStackForAnyText) {
  std::string text(1 << 20, 'a');
  EXPECT_FALSE(matched(text, "^(a|a)*b$"));
  text.assign(1 << 20, '9');
  EXPECT_FALSE(plain(text, "W"));
}

TEST(Printed, ShowsTextsWithoutControlCharacters) {
  EXPECT_EQ(excerpt(" \x1b[31mred\n12\xff "), "[31mred 12?");
  EXPECT_LE(excerpt(std::string(1000, 'x')).size(), 63U);
}

}  // namespace
}  // namespace ergon
