#include "bench/report/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/base/error.h"
#include "bench/report/remarks.h"
#include "bench/report/text.h"
#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

using record::Document;
using testing::HasSubstr;
using testing::Not;

std::string written(const std::string& name, const Document& document,
                    const ReportOptions& options = {}) {
  const Source source{"", &document};
  std::ostringstream out;
  format(name).write(make_table({&source, 1}, options), out);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::size_t cells_before(const std::string& line, const std::string& part) {
  const std::size_t at = line.find(part);
  return at == std::string::npos ? at : width(line.substr(0, at));
}

TEST(Formats, every_registered_format_writes_every_kind_of_row) {
  const Document document = test::guest_run();
  for (const Format& one : formats()) {
    std::ostringstream out;
    const Source source{"", &document};
    one.write(make_table({&source, 1}, {}), out);
    EXPECT_THAT(out.str(), HasSubstr("openblas")) << one.name;
    EXPECT_THAT(out.str(), HasSubstr("skipped")) << one.name;
  }
}

TEST(Formats, a_record_without_rows_can_be_written) {
  const Document document = test::machine();
  for (const Format& one : formats()) EXPECT_NO_THROW(written(std::string(one.name), document));
}

TEST(Formats, an_unknown_format_is_the_users_mistake) { EXPECT_THROW(format("pdf"), UserError); }

TEST(Head, says_nothing_of_cores_that_the_record_does_not_count) {
  Document document = test::machine();
  document.host.cpu.cores = 0;
  EXPECT_THAT(lines_of(written("table", document)).front(), HasSubstr(" · 2 cores used · "));
  document.host.cpu.cores_used = 0;
  EXPECT_THAT(lines_of(written("table", document)).front(), Not(HasSubstr("cores")));
}

TEST(Terminal, columns_line_up_whatever_the_script) {
  Document document = test::machine();
  for (const char* name : {"openblas", "行列ライブラリ", "re\u0301sume\u0301"})
    document.rows.push_back(test::timed_row({.backend = "cblas", .name = name}));
  std::vector<std::size_t> places;
  for (const std::string& line : lines_of(written("table", document)))
    if (line.find("cblas ") != std::string::npos) places.push_back(cells_before(line, "10.0 ms"));
  ASSERT_EQ(places.size(), 3u);
  EXPECT_EQ(places[0], places[1]);
  EXPECT_EQ(places[0], places[2]);
}

TEST(Terminal, each_energy_cell_says_provenance_and_scope) {
  Document document = test::machine();
  document.meters = {test::counter_meter(), test::modelled_meter()};
  auto counted = test::timed_row({}), modelled = test::timed_row({.threads = 2});
  counted.energy = test::energy(counted, "perf", 50);
  modelled.energy = test::energy(modelled, "modelled", 80);
  document.rows = {counted, modelled};
  const std::string text = written("table", document, {.columns = {"threads", "watts"}});
  EXPECT_THAT(text, HasSubstr("50.0 ±2.0% [c pkg]"));
  EXPECT_THAT(text, HasSubstr("80 ±30% [m wall]"));
  EXPECT_THAT(text, HasSubstr("no evidence, and nothing is ranked by it"));
}

TEST(Terminal, reasons_stand_below_once_and_zeros_nowhere) {
  Document document = test::machine();
  document.rows = {test::timed_row({}), test::timed_row({.threads = 2})};
  for (auto& row : document.rows) row.energy = Absent{"the counter went back"};
  const std::string text = written("table", document, {.columns = {"watts"}});
  EXPECT_THAT(text, HasSubstr("— ¹"));
  EXPECT_THAT(text, HasSubstr("¹   the counter went back\n"));
  EXPECT_EQ(text.find("the counter went back"), text.rfind("the counter went back"));
  EXPECT_THAT(text, Not(HasSubstr("  0")));
}

TEST(Terminal, a_cut_name_is_given_in_full_below) {
  Document document = test::machine();
  const std::string name = "/opt/vendor/with/a/very/long/path/libblas.so";
  document.rows = {test::timed_row({.backend = "cblas", .name = name})};
  EXPECT_THAT(written("table", document), HasSubstr("¹   cblas " + name));
}

std::string remark(const Document& document, const std::string& label,
                   const ReportOptions& options = {}) {
  const Source source{"", &document};
  std::string all;
  for (const Remark& one : remarks(make_table({&source, 1}, options)))
    if (one.label == label) all += one.text + "\n";
  return all;
}

TEST(Remarks, say_that_files_stood_in_for_the_machines_own) {
  Document document = test::guest_run();
  EXPECT_EQ(remark(document, "Stand-in"), "");
  document.host.variables["ERGON_SYSFS"] = "played/sys";
  EXPECT_THAT(remark(document, "Stand-in"), HasSubstr("ERGON_SYSFS=played/sys: sensors"));
}

TEST(Remarks, say_why_another_meter_has_no_joules) {
  Document document = test::machine();
  document.meters = {test::counter_meter(), test::modelled_meter()};
  auto row = test::timed_row({});
  row.energy = test::energy(row, "perf", 50);
  auto beside = test::energy(row, "modelled", 80);
  for (auto& sample : beside.samples) sample.joules = Absent{"the stream has ended"};
  row.extra_meters = {beside};
  document.rows = {row};
  EXPECT_EQ(remark(document, "Beside it", {.columns = {"watts"}}),
            "[m wall] modelled saw no window that perf did: the stream has ended.\n");
}

/// Two rows of a processor, metered by a board and beside it by the processor's own.
Document metered_by_a_board() {
  Document document = test::machine();
  document.meters = {test::board_meter(), test::counter_meter()};
  document.meters[1].primary = false;
  document.meters[1].part = "processor";
  document.rows = {test::timed_row({}), test::timed_row({.threads = 2})};
  for (auto& row : document.rows) {
    row.energy = test::energy(row, "nvml:0", 70);
    row.extra_meters = {test::energy(row, "perf", 35)};
  }
  return document;
}

TEST(Remarks, say_once_that_a_board_did_not_run_the_rows) {
  EXPECT_EQ(remark(metered_by_a_board(), "Energy", {.columns = {"watts"}}),
            "[c board] nvml:0 watches an accelerator, and this ran on the processor: the record "
            "keeps its joules, and such rows have no figures of them.\n");
}

TEST(Remarks, say_whose_joules_a_meter_tells) {
  Document document = metered_by_a_board();
  EXPECT_EQ(remark(document, "Beside it", {.columns = {"watts"}}),
            "[c pkg] perf, of the processor, tells 0.5 times the joules of nvml:0 (median of 2 "
            "windows, 0.5 to 0.5).\n");
  document.devices[0].kind = "gpu";
  EXPECT_THAT(remark(document, "Energy", {.columns = {"watts"}}),
              testing::StartsWith("[c board] nvml:0: counter, scope board, of an accelerator,"));
  document.devices[0].kind = "cpu";
  document.meters[0].part = "processor";
  document.meters[0].provenance = "modelled";
  EXPECT_THAT(remark(document, "Energy", {.columns = {"watts"}}),
              Not(HasSubstr("of the processor")))
      << "a model senses no part of the machine";
}

TEST(Formats, none_gives_joules_of_a_board_that_did_not_run_the_rows) {
  const Document document = metered_by_a_board();
  for (const Format& one : formats()) {
    const std::string text = written(std::string(one.name), document,
                                     {.columns = {"watts", "joules_per_call", "flops_per_joule"}});
    EXPECT_THAT(text, HasSubstr("nvml:0 watches an accelerator, and this ran on the processor"))
        << one.name;
    for (const char* figure : {"70", "700 m", "2.86 G"})
      EXPECT_THAT(text, Not(HasSubstr(figure))) << one.name;
  }
  const auto json = nlohmann::json::parse(written("json", document, {.columns = {"watts"}}));
  EXPECT_EQ(json["rows"][0]["energy_meter"], "nvml:0");
  EXPECT_EQ(json["rows"][0]["energy_part"], "accelerator");
}

TEST(Remarks, say_which_kind_of_interval) {
  Document document = test::guest_run();
  EXPECT_THAT(remark(document, "Intervals"), HasSubstr("over the rounds of one process"));
  for (auto& row : document.rows)
    for (int launch = 1; launch < 6 && !row.samples.empty(); ++launch)
      test::add_launch(row, launch, 1);
  for (auto& row : document.rows) row.interval_kind = "launches";
  EXPECT_THAT(remark(document, "Intervals"), HasSubstr(", over launches."));
  document.rows[0].interval_kind = "rounds";
  EXPECT_THAT(remark(document, "Intervals"), HasSubstr("in some rows over launches; in some rows"));
}

TEST(Remarks, never_call_the_hull_of_few_launches_an_interval_over_launches) {
  Document document = test::machine();
  document.rows = {test::timed_row({})};
  test::add_launch(document.rows[0], 1, 1);
  test::add_launch(document.rows[0], 2, 1);
  // "launches" is what older records say.
  for (const char* kind : {"hull", "launches"}) {
    document.rows[0].interval_kind = kind;
    const std::string text = remark(document, "Intervals");
    EXPECT_THAT(text, HasSubstr("as the hull of 3 launches' intervals, too few"));
    EXPECT_THAT(text, Not(HasSubstr("over launches")));
    EXPECT_THAT(written("csv", document), HasSubstr("hull of 3 launches' intervals"));
    EXPECT_THAT(written("json", document),
                HasSubstr(R"("interval_kind": "hull of 3 launches' intervals")"));
  }
}

TEST(Remarks, say_which_rows_another_tool_measured) {
  Document document = test::machine();
  document.rows = {test::timed_row({}), test::timed_row({.backend = "naive"})};
  document.rows[0].imported_from = record::Row::Imported{"other-tool", "1.2"};
  EXPECT_THAT(remark(document, "Rows"), HasSubstr("Outputs checked in 1 of 2 rows"));
  EXPECT_THAT(remark(document, "Rows"), HasSubstr("1 row imported from another tool"));
  for (const char* format : {"table", "markdown"})
    EXPECT_THAT(written(format, document), HasSubstr("imported from other-tool 1.2: neither"));
  for (const char* format : {"csv", "json"})
    EXPECT_THAT(written(format, document), HasSubstr("other-tool 1.2"));
}

// A warning on standard error alone would not reach who reads the published table.
TEST(Formats, every_output_holds_the_warnings_of_its_records) {
  Document document = test::guest_run();
  document.run.complete = false;
  const Source source{"", &document, {"does not agree with itself:\x1b 2 findings"}};
  for (const ReportOptions& options : {ReportOptions{}, ReportOptions{.columns = {"case"}}})
    for (const Format& one : formats()) {
      std::ostringstream out;
      one.write(make_table({&source, 1}, options), out);
      EXPECT_THAT(out.str(), HasSubstr("does not agree with itself:  2 findings")) << one.name;
      EXPECT_THAT(out.str(), HasSubstr("INCOMPLETE")) << one.name;
    }
}

TEST(Remarks, count_windows_and_their_flags) {
  EXPECT_THAT(remark(test::guest_run(), "Rows"),
              HasSubstr("96 timed windows, 2 flagged (1 busy, 2 steal), none excluded"));
}

TEST(Remarks, say_where_the_machine_could_not_be_watched) {
  Document document = test::guest_run();
  EXPECT_THAT(remark(document, "Rows"), Not(HasSubstr("could not be watched")));
  for (auto& sample : document.rows[0].samples) sample.steal_seconds = Absent{"no /proc/stat"};
  EXPECT_THAT(remark(document, "Rows"), HasSubstr("could not be watched in 12 windows"));
}

TEST(Remarks, name_the_meters_that_were_not_used_and_what_would_open_them) {
  EXPECT_THAT(remark(test::guest_run(), "Not used"),
              HasSubstr("powercap: energy_uj is for root only (sudo chmod a+r energy_uj)"));
}

TEST(Remarks, give_both_byte_counts_of_cold_rows) {
  EXPECT_THAT(remark(test::guest_run(), "Cold"), HasSubstr("3.00 GB"));
  EXPECT_THAT(remark(test::guest_run(), "Cold"), HasSubstr("cache is 503 MB"));
}

TEST(Remarks, cite_the_price_or_say_it_was_given) {
  EXPECT_THAT(remark(test::guest_run(), "Price"), HasSubstr("as of 2026-01-15"));
  ReportOptions options;
  options.pricing.usd_per_hour = 3;
  EXPECT_THAT(remark(test::guest_run(), "Price", options), HasSubstr("--usd-per-hour"));
}

TEST(Remarks, say_what_a_quantization_error_is_compared_with) {
  const std::string text = remark(test::quantized_run(), "Errors");
  EXPECT_THAT(text, HasSubstr("float64 product of the operands before they were quantized"));
  EXPECT_THAT(text, HasSubstr("float64 arithmetic on the same dequantized values"));
  EXPECT_EQ(remark(test::guest_run(), "Errors"), "");
}

TEST(Remarks, leave_out_what_no_column_shows) {
  EXPECT_EQ(remark(test::guest_run(), "Price", {.columns = {"watts"}}), "");
  EXPECT_EQ(remark(test::guest_run(), "Energy", {.columns = {"flops_per_usd"}}), "");
}

TEST(Json, absent_is_an_object_with_its_reason) {
  const auto json = nlohmann::json::parse(written("json", test::guest_run()));
  EXPECT_EQ(json["rows"][5]["flops_per_second"]["absent"],
            "wrong: c[1023,1023]: got nan, expected -3.25");
  EXPECT_FALSE(json["rows"][5].contains("flops_per_second_low"));
  EXPECT_EQ(json["rows"].size(), test::guest_run().rows.size());
}

TEST(Json, holds_no_null_anywhere) {
  Document document = test::guest_run();
  document.rows[0].median = 1e-300;
  document.rows[0].interval95 = Interval{1e-300, 1e-300};
  document.rows[0].work.flops = 1e300;
  EXPECT_THAT(written("json", document), Not(HasSubstr("null")));
}

TEST(Json, figures_carry_their_interval_and_shared_factors) {
  const auto json = nlohmann::json::parse(written("json", test::guest_run()));
  const auto& row = json["rows"][1];
  EXPECT_LT(row["flops_per_second_low"], row["flops_per_second"]);
  EXPECT_GT(row["flops_per_second_high"], row["flops_per_second"]);
  EXPECT_EQ(row["shared_factors"]["watts"][0]["name"], "meter modelled");
}

TEST(Json, joules_are_never_without_where_they_are_from) {
  const auto json =
      nlohmann::json::parse(written("json", test::guest_run(), {.columns = {"watts"}}));
  EXPECT_EQ(json["rows"][0]["energy_provenance"], "modelled");
  EXPECT_EQ(json["rows"][0]["energy_scope"], "wall");
}

TEST(Json, quantized_rows_say_what_they_multiply_and_both_errors) {
  const auto json = nlohmann::json::parse(written("json", test::quantized_run()));
  const auto& row = json["rows"][0];
  EXPECT_EQ(row["products"], "s8");
  EXPECT_EQ(row["tokens"], 1);
  EXPECT_EQ(row["bits_per_weight"], 4.5);
  EXPECT_EQ(row["quantization_rel_l2"], 0.0125);
  EXPECT_EQ(row["rel_l2"], 3e-7);
  const auto& plain = json["rows"].back();
  EXPECT_EQ(plain["products"], "f32");
  for (const char* name : {"tokens", "bits_per_weight", "quantization_rel_l2"})
    EXPECT_FALSE(plain.contains(name)) << name;
}

TEST(Json, an_error_that_is_no_number_is_left_out) {
  Document document = test::machine();
  document.rows = {test::timed_row({})};
  record::Accuracy accuracy = *document.rows[0].accuracy;
  accuracy.rel_l2 = std::numeric_limits<double>::infinity();
  document.rows[0].accuracy = accuracy;
  const auto json = nlohmann::json::parse(written("json", document));
  EXPECT_FALSE(json["rows"][0].contains("rel_l2"));
}

TEST(Json, bad_bytes_in_a_record_do_not_break_it) {
  Document document = test::machine();
  document.rows = {test::timed_row({.backend = "cblas", .name = "bad\xff\x01"})};
  EXPECT_TRUE(nlohmann::json::accept(written("json", document)));
}

TEST(Csv, every_line_has_the_headers_cells) {
  Document document = test::guest_run();
  document.rows[5].reason = "said \"no\", twice\nand left";
  const auto lines = lines_of(written("csv", document));
  ASSERT_EQ(lines.size(), document.rows.size() + 1);
  for (const std::string& line : lines) {
    bool inside = false;
    std::size_t commas = 0;
    for (const char c : line) {
      if (c == '"') inside = !inside;
      if (c == ',' && !inside) ++commas;
    }
    EXPECT_EQ(commas, static_cast<std::size_t>(std::ranges::count(lines[0], ','))) << line;
  }
  EXPECT_THAT(lines[6], HasSubstr("\"said \"\"no\"\", twice and left\""));
}

TEST(Csv, chosen_columns_come_in_their_order_with_reasons_last) {
  Document document = test::machine();
  document.rows = {test::timed_row({})};
  EXPECT_EQ(written("csv", document, {.columns = {"threads", "flops_per_usd"}}),
            "threads,flops_per_usd,flops_per_usd_low,flops_per_usd_high,absent\n"
            "1,,,,flops_per_usd: no price: give one with --usd-per-hour\n");
}

TEST(Csv, quantized_rows_say_what_they_multiply_and_both_errors) {
  Document document = test::quantized_run();
  document.rows[1].status = "wrong";
  const ReportOptions options{
      .columns = {"products", "tokens", "bits_per_weight", "quantization_rel_l2", "rel_l2"}};
  const auto lines = lines_of(written("csv", document, options));
  EXPECT_EQ(lines[0], "products,tokens,bits_per_weight,quantization_rel_l2,rel_l2,absent");
  EXPECT_EQ(lines[1], "s8,1,4.5,0.0125,3e-07,");
  EXPECT_EQ(lines[2], "s8,1,4.5,,,") << "a wrong answer";
  EXPECT_EQ(lines.back(), "f32,,,,1e-07,");
}

TEST(Csv, attention_rows_tell_their_cache_and_both_counts_of_flops) {
  const ReportOptions options{
      .columns = {"flops", "full_square_flops", "kv_bytes_per_token", "tokens"}};
  const auto lines = lines_of(written("csv", test::attention_run(), options));
  EXPECT_EQ(lines[0], "flops,full_square_flops,kv_bytes_per_token,tokens,absent");
  EXPECT_EQ(lines[1], "2149580800,4294967296,4096,1024,");
  EXPECT_EQ(lines.back(), "16777216,16777216,1024,1,");
}

TEST(Terminal, errors_are_read_at_a_glance) {
  const std::string text = written("table", test::quantized_run(),
                                   {.columns = {"name", "quantization_rel_l2", "rel_l2"}});
  EXPECT_THAT(text, HasSubstr("quantization error  kernel error"));
  EXPECT_THAT(text, HasSubstr("1.3 %       3.0e-07"));
}

TEST(Markdown, cells_cannot_break_the_table) {
  Document document = test::machine();
  document.rows = {test::timed_row({.backend = "cblas", .name = "a|b_c*"})};
  EXPECT_THAT(written("markdown", document), HasSubstr("cblas a\\|b\\_c\\*"));
}

}  // namespace
}  // namespace ergon::report
