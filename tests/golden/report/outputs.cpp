// Every output format, byte for byte. ERGON_UPDATE_GOLDEN=1 writes what the build gives: read the
// difference before committing it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include "bench/report/compare.h"
#include "bench/report/formats.h"
#include "tests/unit/report/example.h"

namespace ergon {
namespace {

using record::Document;
using report::ReportOptions;
using report::Source;

void expect_golden(const std::string& file, const std::string& text) {
  const std::string path = std::string(ERGON_SOURCE_DIR) + "/tests/golden/report/" + file;
  if (std::getenv("ERGON_UPDATE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(expected.str(), text) << "differs from " << path;
}

std::string written(const std::string& format, const std::vector<Source>& sources,
                    const ReportOptions& options = {}) {
  std::ostringstream out;
  report::format(format).write(report::make_table(sources, options), out);
  return out.str();
}

/// What breaks layouts: several meters in one column, no energy, no price, names longer than their
/// column, wide and combining characters, control characters.
Document awkward_run() {
  Document document = test::machine();
  document.host.cpu.model = "プロセッサ 9000\x1b[31m";
  document.meters = {test::counter_meter(), test::modelled_meter()};
  const std::string long_name = "/opt/a-vendor/with/a/very/long/path/lib/libblas-tuned.so.3";
  auto counted = test::timed_row({.backend = "cblas", .name = "openblas"});
  counted.energy = test::energy(counted, "perf", 65, 8);
  auto modelled = test::timed_row({.backend = "cblas", .name = long_name, .seconds = 0.02});
  modelled.energy = test::energy(modelled, "modelled", 120);
  auto none = test::timed_row({.backend = "cblas", .name = "行列ライブラリ", .seconds = 0.03});
  none.energy = Absent{"the counter went back\nwithout a range"};
  auto combining = test::timed_row({.backend = "cblas", .name = "re\u0301sume\u0301"});
  combining.energy = Absent{"not measured"};
  auto few = test::timed_row({.backend = "naive", .name = "naive", .seconds = 0.9, .rounds = 3});
  few.status = "noisy";
  few.reason = "3 rounds in the budget";
  document.rows = {counted, modelled, none, combining, few};
  return document;
}

TEST(Golden, terminal_table_of_a_guest_run) {
  const Document document = test::guest_run();
  expect_golden("table.txt", written("table", {{"", &document}}));
}

TEST(Golden, terminal_table_of_an_awkward_run) {
  const Document document = awkward_run();
  expect_golden("awkward.txt", written("table", {{"", &document}}));
}

TEST(Golden, terminal_table_of_two_runs_with_a_baseline) {
  const Document guest = test::guest_run(), awkward = awkward_run();
  ReportOptions options;
  options.baseline = "cblas:openblas";
  expect_golden("two_runs.txt",
                written("table", {{"guest.json", &guest}, {"awkward.json", &awkward}}, options));
}

TEST(Golden, terminal_table_of_a_quantized_run) {
  const Document document = test::quantized_run();
  expect_golden("quantized.txt", written("table", {{"", &document}}));
}

TEST(Golden, terminal_table_of_an_attention_run) {
  const Document document = test::attention_run();
  expect_golden("attention.txt", written("table", {{"", &document}}));
}

TEST(Golden, markdown_of_an_attention_run_by_implementation) {
  const Document document = test::attention_run();
  expect_golden("attention_fields.txt",
                written("markdown", {{"", &document}}, {.group_by = {"implementation", "phase"}}));
}

TEST(Golden, markdown_of_a_guest_run) {
  const Document document = test::guest_run();
  expect_golden("markdown.txt", written("markdown", {{"", &document}}));
}

TEST(Golden, csv_of_a_guest_run) {
  const Document document = test::guest_run();
  expect_golden("csv.txt", written("csv", {{"", &document}}));
}

TEST(Golden, json_of_chosen_columns_of_a_guest_run) {
  const Document document = test::guest_run();
  ReportOptions options;
  options.columns = {"case",  "implementation", "threads",       "flops_per_second",
                     "watts", "flops_per_usd",  "peak_fraction", "status"};
  expect_golden("json.txt", written("json", {{"", &document}}, options));
}

report::Comparison two_builds() {
  static const Document base = test::guest_run();
  static const Document fresh = [] {
    Document document = test::guest_run();
    document.run.ergon.commit = "fedcba9876543210";
    for (auto& sample : document.rows[1].samples) sample.seconds *= 1.05;
    for (auto& sample : document.rows[3].samples) sample.seconds *= 0.9;
    for (auto& row : document.rows) {
      if (!row.samples.empty()) test::summarise(row);
    }
    document.rows.erase(document.rows.begin());
    return document;
  }();
  return report::compare(report::whole_side("base.json", base),
                         report::whole_side("new.json", fresh), {.launch_spread = 0.02});
}

TEST(Golden, comparison_of_two_builds_as_text) {
  std::ostringstream out;
  report::write_comparison(two_builds(), out);
  expect_golden("compare.txt", out.str());
}

TEST(Golden, comparison_of_two_builds_as_json) {
  std::ostringstream out;
  report::write_comparison_json(two_builds(), out);
  expect_golden("compare_json.txt", out.str());
}

}  // namespace
}  // namespace ergon
