#include "bench/record/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "bench/base/error.h"
#include "bench/record/read.h"
#include "bench/record/schema.h"
#include "make_document.h"

namespace ergon::record {
namespace {

using ::testing::HasSubstr;

Document through_text(const Document& document) {
  return document_from_text(to_text(document), "test");
}

TEST(RecordJson, KeepsEveryFieldThroughTextAndBack) {
  for (const Document& document : {make_document(), make_quantized_document()})
    EXPECT_EQ(to_text(through_text(document)), to_text(document));
}

TEST(RecordJson, WritesWhatQuantizedWeightsAreWhereThereAreSome) {
  const Json json = to_json(make_quantized_document());
  const Json& quantized = json["rows"][fast_row];
  const Json& plain = json["rows"][slow_row];
  EXPECT_EQ(quantized["dtype"]["products"], "f32");
  EXPECT_EQ(quantized["work"]["tokens"], 64);
  EXPECT_EQ(quantized["work"]["bits_per_weight"], 4.5);
  EXPECT_EQ(quantized["work"]["kv_bytes_per_token"], 4096);
  EXPECT_EQ(quantized["work"]["full_square_flops"], 2 * quantized["work"]["flops"].get<double>());
  EXPECT_EQ(quantized["accuracy"]["quantization_rel_l2"], 0.0625);
  EXPECT_FALSE(plain["dtype"].contains("products"));
  EXPECT_FALSE(plain["work"].contains("tokens"));
  for (const char* name : {"bits_per_weight", "kv_bytes_per_token", "full_square_flops"})
    EXPECT_FALSE(plain["work"].contains(name)) << name;
  EXPECT_FALSE(plain["accuracy"].contains("quantization_rel_l2"));
}

TEST(RecordJson, KeepsDoublesToTheLastBit) {
  Document document = make_document();
  const double odd = 0.1 + 0.2;
  document.rows[0].samples[0].start_seconds = odd;
  document.rows[0].work.flops = 5e-324;
  const Document back = through_text(document);
  EXPECT_EQ(back.rows[0].samples[0].start_seconds, odd);
  EXPECT_EQ(back.rows[0].work.flops, 5e-324);
}

TEST(RecordJson, KeepsTheRangeOfAPrice) {
  Document document = make_document();
  EXPECT_FALSE(through_text(document).prices[0].usd_per_hour_range);
  document.prices[0].usd_per_hour_range = Interval{0.08, 0.2};
  EXPECT_EQ(through_text(document).prices[0].usd_per_hour_range, (Interval{0.08, 0.2}));
}

TEST(RecordJson, KeepsWhoseJoulesAMeterTellsWhereThatIsKnown) {
  const Json json = to_json(make_document());
  EXPECT_EQ(json["meters"][0]["part"], "processor");
  EXPECT_FALSE(json["meters"][1].contains("part"));
  const Document back = through_text(make_document());
  EXPECT_EQ(back.meters[0].part, "processor");
  EXPECT_EQ(back.meters[1].part, "");
}

TEST(RecordJson, KeepsSeedsOfAll64Bits) {
  const Document back = through_text(make_document());
  EXPECT_EQ(back.run.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(back.rows[0].inputs.seed, std::numeric_limits<std::uint64_t>::max());
}

TEST(RecordJson, KeepsTheOrderAndTypesOfWorkloadFields) {
  const Document document = make_document();
  EXPECT_EQ(through_text(document).rows[0].workload, document.rows[0].workload);
}

TEST(RecordJson, SaysWhyAValueIsAbsentAndNeverWritesNull) {
  const Document document = make_document();
  const Json json = to_json(document);
  EXPECT_EQ(json["host"]["governor"], Json({{"absent", "no cpufreq"}}));
  EXPECT_EQ(to_text(document).find("null"), std::string::npos);
  EXPECT_EQ(through_text(document).host.governor.reason(), "no cpufreq");
}

TEST(RecordJson, LeavesOutEmptyTextsAndInputsThatWereNotDrawn) {
  const Json json = to_json(make_document());
  EXPECT_FALSE(json["rows"][0]["implementation"].contains("variant"));
  EXPECT_FALSE(json["rows"][0].contains("reason"));
  EXPECT_FALSE(json["rows"][skipped_row].contains("inputs"));
  EXPECT_TRUE(json["rows"][0].contains("inputs"));
}

TEST(RecordJson, ListsUnavailableMetersInThePrimaryOne) {
  const Document document = make_document();
  const Json json = to_json(document);
  EXPECT_EQ(json["meters"][0]["unavailable"].size(), 2u);
  EXPECT_FALSE(json["meters"][1].contains("unavailable"));
  EXPECT_EQ(through_text(document).unavailable_meters[1].remedy, "sudo chmod a+r /dev/board");
}

TEST(RecordJson, KeepsTheReasonsWhereNoMeterWorks) {
  Document document = make_document();
  document.meters.clear();
  const Json json = to_json(document);
  ASSERT_EQ(json["meters"].size(), 1u);
  EXPECT_EQ(json["meters"][0]["absent"], "no meter works here");
  const Document back = through_text(document);
  EXPECT_TRUE(back.meters.empty());
  EXPECT_EQ(back.unavailable_meters.size(), 2u);
}

TEST(RecordJson, RefusesToWriteNumbersThatAreNotFinite) {
  Document document = make_document();
  document.rows[0].samples[0].seconds = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(to_json(document), std::logic_error);
}

TEST(RecordJson, RefusesToWriteAnEmptyName) {
  Document document = make_document();
  document.rows[0].device = "";
  EXPECT_THROW(to_json(document), std::logic_error);
}

TEST(RecordJson, SaysInWordsThatAnErrorIsInfiniteOrNotANumber) {
  Document document = make_document();
  Accuracy accuracy = *document.rows[0].accuracy;
  accuracy.max_abs = std::numeric_limits<double>::quiet_NaN();
  accuracy.rel_l2 = std::numeric_limits<double>::infinity();
  accuracy.quantization_rel_l2 = std::numeric_limits<double>::infinity();
  document.rows[0].accuracy = accuracy;
  EXPECT_TRUE(violations(to_json(document)).empty());
  const Document back = through_text(document);
  EXPECT_TRUE(std::isnan(back.rows[0].accuracy->max_abs));
  EXPECT_TRUE(std::isinf(back.rows[0].accuracy->rel_l2));
  EXPECT_TRUE(std::isinf(back.rows[0].accuracy->quantization_rel_l2.value_or(0)));
}

TEST(RecordJson, WritesOneSamplePerLine) {
  const std::string text = to_text(make_document());
  const auto start = text.find("\"start_seconds\"", text.find("\"rows\""));
  const auto line_start = text.rfind('\n', start) + 1;
  const std::string line = text.substr(line_start, text.find('\n', start) - line_start);
  EXPECT_THAT(line, HasSubstr("\"frequency_hz\""));
  EXPECT_EQ(line.find("\"start_seconds\"", line.find("start_seconds") + 3), std::string::npos);
}

TEST(RecordJson, ReplacesBytesThatAreNotUtf8) {
  Document document = make_document();
  document.host.variables["OMP_NOTE"] = "caf\xe9";
  EXPECT_EQ(through_text(document).host.variables["OMP_NOTE"], "caf\xEF\xBF\xBD");
}

TEST(RecordSchema, AllowsWhatThisProgramWrites) {
  EXPECT_TRUE(violations(to_json(make_document())).empty());
  EXPECT_TRUE(violations(to_json(make_quantized_document())).empty());
  Document bare = make_document();
  bare.meters.clear();
  bare.rows.clear();
  bare.run.finished_utc = Absent{"it still runs"};
  EXPECT_TRUE(violations(to_json(bare)).empty());
}

TEST(RecordSchema, PointsAtTheValueThatDoesNotFit) {
  Json json = to_json(make_document());
  json["rows"][1]["time"]["samples"][2]["calls"] = 0;
  const auto found = violations(json);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pointer, "/rows/1/time/samples/2/calls");
}

TEST(RecordSchema, KnowsWhoseJoulesThereAre) {
  Json json = to_json(make_document());
  json["meters"][0]["part"] = "board";
  const auto found = violations(json);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pointer, "/meters/0/part");
}

TEST(RecordSchema, RefusesUnknownNamesWhereverTheReaderDoes) {
  const Json good = to_json(make_document());
  for (const char* place :
       {"", "/run", "/host/cpu", "/devices/0", "/rows/0", "/rows/0/time", "/rows/0/time/samples/0",
        "/rows/0/energy/samples/0", "/rows/0/accuracy", "/rows/0/dtype", "/rows/0/work",
        "/meters/0", "/prices/0"}) {
    Json json = good;
    json[Json::json_pointer(place)]["surprise"] = 1;
    EXPECT_FALSE(violations(json).empty()) << place;
    EXPECT_THROW(from_json(json), UserError) << place;
  }
}

}  // namespace
}  // namespace ergon::record
