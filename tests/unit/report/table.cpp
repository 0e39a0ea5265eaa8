#include "bench/report/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "bench/base/error.h"
#include "bench/report/remarks.h"
#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

using record::Document;
using record::Row;
using testing::ElementsAre;
using testing::HasSubstr;

Table table_of(const Document& document, const ReportOptions& options = {}) {
  const Source source{"", &document};
  return make_table({&source, 1}, options);
}

std::vector<std::string> names(const Group& group) {
  std::vector<std::string> out;
  for (const Item& item : group.items)
    out.push_back(implementation_text(item.row->implementation) + " " +
                  std::to_string(item.row->threads));
  return out;
}

std::vector<std::string> shown(const Group& group) {
  std::vector<std::string> out;
  for (const Column* one : group.columns) out.emplace_back(one->name);
  return out;
}

template <class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Table, rows_are_grouped_by_workload_dtype_and_cache) {
  const Document document = test::guest_run();
  const Table table = table_of(document);
  ASSERT_EQ(table.groups.size(), 3u);
  EXPECT_EQ(table.groups[0].title, "gemm m=1024 n=1024 k=1024 · f32 · warm");
  EXPECT_EQ(table.groups[1].title, "gemm m=1024 n=1024 k=1024 · bf16 -> f32 · warm");
}

TEST(Table, streams_are_told_in_bytes_per_second) {
  const Document document = test::guest_run();
  const Table table = table_of(document);
  EXPECT_THAT(shown(table.groups[0]), testing::Contains("flops_per_second"));
  EXPECT_THAT(shown(table.groups[2]), testing::Contains("bytes_per_second"));
  EXPECT_THAT(shown(table.groups[2]), testing::Not(testing::Contains("flops_per_second")));
}

TEST(Table, work_that_counts_tokens_is_told_in_tokens) {
  const Document document = test::quantized_run();
  const Table table = table_of(document);
  EXPECT_THAT(shown(table.groups[0]),
              ElementsAre("implementation", "threads", "quantization_rel_l2", "seconds_per_call",
                          "tokens_per_second", "bytes_per_second", "roofline_fraction",
                          "tokens_per_joule", "tokens_per_usd", "status"));
  EXPECT_EQ(table.groups[0].about,
            "33.6 MFLOP, 9.46 MB, 1 token per call, 3.55 FLOP/B, 4.5 bits/weight");
  EXPECT_THAT(table.groups[2].about, HasSubstr("512 tokens per call"));
}

TEST(Table, plain_work_beside_it_is_told_as_ever) {
  const Document quantized = test::quantized_run(), plain = test::guest_run();
  const Table table = table_of(quantized);
  EXPECT_EQ(shown(table.groups[3]), shown(table_of(plain).groups[0]));
  for (const char* name : {"quantization_rel_l2", "bits_per_weight", "tokens_per_second"})
    EXPECT_THAT(shown(table.groups[3]), testing::Not(testing::Contains(name)));
  EXPECT_EQ(table.groups[3].about, "2.00 GFLOP, 12.0 MB per call, 167 FLOP/B");
}

TEST(Table, what_differs_within_a_group_is_a_column) {
  const Document document = test::quantized_run();
  const Table table = table_of(document, {.group_by = {"device"}});
  EXPECT_EQ(table.groups[0].about, "");
  for (const char* name : {"bits_per_weight", "quantization_rel_l2", "tokens_per_second", "watts",
                           "flops_per_joule", "tokens_per_joule", "flops_per_usd"})
    EXPECT_THAT(shown(table.groups[0]), testing::Contains(name));
}

TEST(Table, the_same_work_on_weights_of_other_sizes_is_not_the_same) {
  Document document = test::quantized_run();
  document.rows.resize(2);
  document.rows[1].work.bits_per_weight = 5;
  const Table table = table_of(document);
  EXPECT_EQ(table.groups[0].about, "");
  EXPECT_THAT(shown(table.groups[0]), testing::Contains("bits_per_weight"));
}

TEST(Table, attention_tells_its_cache_and_the_other_count_of_flops) {
  const Document document = test::attention_run();
  const Table table = table_of(document);
  EXPECT_EQ(table.groups[0].title, "attention phase=prefill q_heads=8 kv_len=1024 · bf16 · warm");
  EXPECT_EQ(table.groups[0].about,
            "2.15 GFLOP, 8.39 MB, 1024 tokens per call, 256 FLOP/B, KV 4096 B/token, "
            "full square 4.29 GFLOP");
  EXPECT_THAT(shown(table.groups[0]),
              ElementsAre("implementation", "threads", "seconds_per_call", "tokens_per_second",
                          "flops_per_second", "full_square_flops_per_second", "roofline_fraction",
                          "tokens_per_joule", "tokens_per_usd", "status"));
  // One query meets every key: there is no other count.
  EXPECT_EQ(table.groups[2].about,
            "16.8 MFLOP, 16.8 MB, 1 token per call, 1.00 FLOP/B, KV 4096 B/token");
  EXPECT_THAT(shown(table.groups[2]),
              ElementsAre("implementation", "threads", "seconds_per_call", "tokens_per_second",
                          "bytes_per_second", "roofline_fraction", "tokens_per_joule",
                          "tokens_per_usd", "status"));
}

TEST(Table, the_same_work_on_other_caches_is_not_the_same) {
  Document document = test::attention_run();
  document.rows.resize(2);
  document.rows[1].work.kv_bytes_per_token = 512;
  const Table table = table_of(document);
  EXPECT_EQ(table.groups[0].about, "");
  EXPECT_THAT(shown(table.groups[0]), testing::Contains("kv_bytes_per_token"));
  document.rows[1].work.kv_bytes_per_token = document.rows[0].work.kv_bytes_per_token;
  document.rows[1].work.full_square_flops = 1;
  EXPECT_EQ(table_of(document).groups[0].about, "");
}

TEST(Table, says_what_the_full_square_counts_where_it_is_shown) {
  Document document = test::attention_run();
  const auto says = [&] {
    return std::ranges::any_of(remarks(table_of(document)),
                               [](const Remark& remark) { return remark.label == "Square"; });
  };
  EXPECT_TRUE(says());
  document.rows.erase(document.rows.begin(), document.rows.begin() + 4);
  EXPECT_FALSE(says());
}

TEST(Table, sorts_errors_as_numbers) {
  Document document = test::machine();
  for (const auto& [name, of] : {std::pair("fine", 3e-5), std::pair("coarse", 0.02)}) {
    Row row = test::timed_row({.backend = name, .name = name});
    record::Accuracy accuracy = *row.accuracy;
    accuracy.quantization_rel_l2 = of;
    row.accuracy = accuracy;
    document.rows.push_back(row);
  }
  EXPECT_THAT(names(table_of(document, {.sort = "quantization_rel_l2"}).groups[0]),
              ElementsAre("fine 1", "coarse 1"));
}

TEST(Table, rows_can_be_grouped_by_what_they_are) {
  const Document document = test::guest_run();
  const Table table = table_of(document, {.group_by = {"backend", "threads"}});
  EXPECT_EQ(table.groups[0].title, "naive · 1 thread");
  EXPECT_THAT(shown(table.groups[0]), testing::Contains("case"));
  EXPECT_THAT(shown(table.groups[0]), testing::Not(testing::Contains("threads")));
  EXPECT_THAT(message_of([&] { table_of(document, {.group_by = {"watts"}}); }),
              HasSubstr("--group-by: 'watts' is a figure"));
}

TEST(Table, cases_below_each_other_are_told_apart_by_their_fields) {
  const Document document = test::attention_run();
  const Table table = table_of(document, {.group_by = {"implementation"}});
  ASSERT_EQ(table.groups.size(), 2u);
  EXPECT_EQ(table.groups[0].title, "native");
  EXPECT_EQ(table.groups[0].about, "attention q_heads=8");
  EXPECT_THAT(shown(table.groups[0]),
              ElementsAre("phase", "kv_heads", "kv_len", "dtype", "cache", "threads",
                          "kv_bytes_per_token", "seconds_per_call", "tokens_per_second",
                          "flops_per_second", "full_square_flops_per_second", "roofline_fraction",
                          "tokens_per_joule", "tokens_per_usd", "status"));
}

TEST(Table, a_field_groups_sorts_and_is_a_column) {
  const Document document = test::attention_run();
  const Table table =
      table_of(document, {.group_by = {"phase"}, .columns = {"kv_heads"}, .sort = "kv_heads"});
  ASSERT_EQ(table.groups.size(), 2u);
  EXPECT_EQ(table.groups[1].title, "phase=decode");
  std::vector<std::string> heads;
  for (const Item& item : table.groups[1].items)
    heads.push_back(table.groups[1].columns[0]->text(item));
  EXPECT_THAT(heads, ElementsAre("2", "2", "8", "8"));
  EXPECT_THAT(columns_for_programs(table), ElementsAre(table.groups[1].columns[0]));
  EXPECT_THAT(message_of([&] { table_of(document, {.columns = {"kv_head"}}); }),
              HasSubstr("there is no column 'kv_head'; did you mean 'kv_heads'?"));
}

TEST(Table, one_case_that_the_title_leaves_out_is_told_beside_its_work) {
  Document document = test::attention_run();
  document.rows.resize(1);
  const Table table = table_of(document, {.group_by = {"threads"}});
  EXPECT_THAT(table.groups[0].about,
              HasSubstr("attention phase=prefill q_heads=8 kv_len=1024: 2.15 GFLOP, "));
  EXPECT_THAT(shown(table.groups[0]), testing::Not(testing::Contains("case")));
}

TEST(Table, ceilings_are_a_group_of_their_own) {
  Document document = test::guest_run();
  document.rows.push_back(test::timed_row({.case_name = "ceiling/what=flops", .block = -1}));
  const Table table = table_of(document, {.group_by = {"cache"}});
  EXPECT_TRUE(table.groups.back().ceilings);
  EXPECT_EQ(table.groups.back().items.size(), 1u);
}

TEST(Table, sorting_is_within_groups_with_absent_figures_last) {
  const Document document = test::guest_run();
  EXPECT_THAT(names(table_of(document, {.sort = "flops_per_second:desc"}).groups[0]),
              ElementsAre("onednn packed-once 2", "cblas openblas 2", "onednn packed-once 1",
                          "cblas openblas 1", "naive 1", "cblas libcheat 2"));
  EXPECT_EQ(names(table_of(document, {.sort = "seconds_per_call"}).groups[0]).front(),
            "onednn packed-once 2");
  EXPECT_EQ(names(table_of(document, {.sort = "implementation:desc"}).groups[0]).front(),
            "onednn packed-once 1");
}

TEST(Table, modelled_energy_is_never_ranked) {
  const Document document = test::guest_run();
  for (const char* column :
       {"watts", "joules_per_call", "flops_per_joule", "tokens_per_joule", "energy_delay_product"})
    EXPECT_THAT([&] { table_of(document, {.sort = column}); },
                testing::ThrowsMessage<CannotTell>(HasSubstr("modelled, a constant times time")))
        << column;
}

TEST(Table, one_declared_row_is_enough_to_refuse_a_ranking_by_joules) {
  Document document = test::machine();
  document.meters = {test::counter_meter(), test::modelled_meter()};
  document.meters[1].provenance = "declared";
  Row row = test::timed_row({});
  row.energy = test::energy(row, "perf", 50);
  document.rows = {row, row};
  EXPECT_NO_THROW(table_of(document, {.sort = "watts"}));
  document.rows[1].energy = test::energy(row, "modelled", 50);
  EXPECT_THROW(table_of(document, {.sort = "watts:desc"}), CannotTell);
}

TEST(Table, a_board_that_did_not_run_a_row_ranks_it_last) {
  Document document = test::machine();
  document.meters = {test::board_meter(), test::counter_meter()};
  Row stood_by = test::timed_row({.threads = 1}), own = test::timed_row({.threads = 2});
  stood_by.energy = test::energy(stood_by, "nvml:0", 1);
  own.energy = test::energy(own, "perf", 50);
  document.rows = {stood_by, own};
  EXPECT_THAT(names(table_of(document, {.sort = "joules_per_call"}).groups[0]),
              ElementsAre("onednn 2", "onednn 1"));
}

TEST(Table, wrong_column_names_are_the_users_mistake) {
  const Document document = test::guest_run();
  EXPECT_THAT(message_of([&] { table_of(document, {.columns = {"flops_per_secnd"}}); }),
              HasSubstr("--columns: there is no column 'flops_per_secnd'; did you mean "
                        "'flops_per_second'?"));
  // However far from any: the names are what one needs then.
  const std::string far = message_of([&] { table_of(document, {.columns = {"help"}}); });
  for (const Column& one : columns()) EXPECT_THAT(far, HasSubstr(" " + std::string(one.name)));
  EXPECT_THAT(message_of([&] { table_of(document, {.sort = "watts:down"}); }),
              HasSubstr("--sort: 'down'"));
}

TEST(Table, the_fastest_is_marked_only_where_its_interval_is_clear) {
  Document document = test::machine();
  document.rows = {test::timed_row({.seconds = 0.01}),
                   test::timed_row({.backend = "cblas", .seconds = 0.0101})};
  EXPECT_TRUE(table_of(document).groups[0].items[0].fastest);
  document.rows[1] = test::timed_row({.backend = "cblas", .seconds = 0.01005});
  EXPECT_FALSE(table_of(document).groups[0].items[0].fastest);
  EXPECT_FALSE(table_of(document).groups[0].items[1].fastest);
}

TEST(Table, a_noisy_row_and_a_lonely_row_are_not_marked_fastest) {
  Document document = test::machine();
  document.rows = {test::timed_row({.seconds = 0.01})};
  EXPECT_FALSE(table_of(document).groups[0].items[0].fastest);
  document.rows.push_back(test::timed_row({.backend = "cblas", .seconds = 0.02}));
  document.rows[0].status = "noisy";
  EXPECT_FALSE(table_of(document).groups[0].items[0].fastest);
}

TEST(Table, rows_of_other_workloads_are_not_raced) {
  const Document document = test::guest_run();
  for (const Group& group : table_of(document, {.group_by = {"backend"}}).groups)
    for (const Item& item : group.items) EXPECT_FALSE(item.fastest) << group.title;
}

const Derived& speedup(const Table& table, std::size_t row) {
  return table.groups[0].items[row].figures.speedup;
}

TEST(Baseline, speedup_is_the_ratio_within_rounds) {
  Document document = test::machine();
  document.rows = {test::timed_row({.backend = "naive", .name = "naive", .seconds = 0.02}),
                   test::timed_row({.seconds = 0.01})};
  const Table table = table_of(document, {.baseline = "naive"});
  // Both sides drift alike by 1.1 % over the rounds; each round's ratio is 2 to the last digits.
  EXPECT_NEAR(speedup(table, 1).figure->low, 2, 1e-12);
  EXPECT_NEAR(speedup(table, 1).figure->high, 2, 1e-12);
  EXPECT_EQ(*speedup(table, 0).figure, (Estimate{1, 1, 1}));
}

TEST(Baseline, rows_that_share_no_rounds_have_no_speedup) {
  Document document = test::machine();
  document.rows = {test::timed_row({.backend = "naive", .name = "naive"}),
                   test::timed_row({.block = 1}), test::timed_row({.threads = 2})};
  const Table table = table_of(document, {.baseline = "naive"});
  EXPECT_THAT(speedup(table, 1).figure.reason(), HasSubstr("another block"));
  EXPECT_THAT(speedup(table, 2).figure.reason(), HasSubstr("no row of 'naive'"));
}

TEST(Baseline, is_the_fastest_of_the_rows_that_fit) {
  Document document = test::machine();
  document.rows = {
      test::timed_row({.variant = "packed-once", .seconds = 0.01}),
      test::timed_row({.variant = "packed-per-call", .seconds = 0.02}),
      test::timed_row({.backend = "cblas", .name = "openblas", .seconds = 0.04}),
      test::timed_row({.variant = "packed-once", .threads = 2, .seconds = 0.02}),
      test::timed_row({.variant = "packed-per-call", .threads = 2, .seconds = 0.01}),
      test::timed_row({.backend = "cblas", .name = "openblas", .threads = 2, .seconds = 0.04})};
  const Table table = table_of(document, {.baseline = "onednn"});
  std::map<std::string, double> speedups;
  for (const Item& item : table.groups[0].items)
    speedups[implementation_text(item.row->implementation) + " " +
             std::to_string(item.row->threads)] = item.figures.speedup.figure->value;
  EXPECT_DOUBLE_EQ(speedups["onednn packed-once 1"], 1);
  EXPECT_NEAR(speedups["onednn packed-per-call 1"], 0.5, 1e-12);
  EXPECT_NEAR(speedups["cblas openblas 1"], 0.25, 1e-12);
  EXPECT_DOUBLE_EQ(speedups["onednn packed-per-call 2"], 1);
  EXPECT_NEAR(speedups["cblas openblas 2"], 0.25, 1e-12);
  std::string said;
  for (const Remark& remark : remarks(table))
    if (remark.label == "Speedup") said = remark.text;
  EXPECT_THAT(said, HasSubstr("the fastest is taken: onednn packed-once of 3 rows, onednn "
                              "packed-per-call of 3 rows."));
}

TEST(Baseline, must_be_a_right_one) {
  Document document = test::machine();
  document.rows = {test::timed_row({.variant = "packed-once"}),
                   test::timed_row({.variant = "packed-per-call", .seconds = 0.02}),
                   test::timed_row({.backend = "cblas", .name = "openblas"}),
                   test::untimed_row({.backend = "cblas", .name = "blis"}, "wrong", "nan")};
  EXPECT_TRUE(speedup(table_of(document, {.baseline = "onednn:onednn:packed-once"}), 2).figure);
  EXPECT_EQ(message_of([&] { table_of(document, {.baseline = "cblas:blis"}); }),
            "command line: --baseline: no row can be compared with 'cblas:blis': the baseline is "
            "wrong: nan");
  EXPECT_THAT(message_of([&] { table_of(document, {.baseline = "mkl"}); }),
              HasSubstr("--baseline: no row's implementation is 'mkl'"));
}

TEST(Baseline, is_looked_for_in_the_same_record_only) {
  Document one = test::machine(), other = test::machine();
  one.rows = {test::timed_row({.backend = "naive", .name = "naive"})};
  other.rows = {test::timed_row({})};
  const std::vector<Source> sources = {{"a", &one}, {"b", &other}};
  const Table table = make_table(sources, {.baseline = "naive"});
  EXPECT_THAT(speedup(table, 1).figure.reason(), HasSubstr("no row of 'naive'"));
  EXPECT_EQ(table.groups[0].items[1].run, "b");
  EXPECT_EQ(shown(table.groups[0]).front(), "run");
}

TEST(Baseline, few_launches_give_the_hull_of_their_ratios) {
  Document document = test::machine();
  document.rows = {test::timed_row({.backend = "naive", .name = "naive", .seconds = 0.02}),
                   test::timed_row({.seconds = 0.01})};
  test::add_launch(document.rows[0], 1, 1.0);
  test::add_launch(document.rows[1], 1, 1.25);
  const Estimate ratio = *speedup(table_of(document, {.baseline = "naive"}), 1).figure;
  EXPECT_NEAR(ratio.low, 1.6, 1e-12);
  EXPECT_NEAR(ratio.high, 2, 1e-12);
}

}  // namespace
}  // namespace ergon::report
