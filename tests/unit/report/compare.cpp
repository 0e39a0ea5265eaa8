#include "bench/report/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/base/error.h"
#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

using record::Document;
using record::Row;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Document with_rows(std::vector<Row> rows) {
  Document document = test::machine();
  document.rows = std::move(rows);
  return document;
}

Comparison compared(const Document& base, const Document& fresh,
                    const CompareOptions& options = {.launch_spread = 0}) {
  return compare(whole_side("base", base), whole_side("new", fresh), options);
}

struct Verdict {
  std::string text;
  int code;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

Verdict verdict_of(double base_seconds, double new_seconds) {
  const Document base = with_rows({test::timed_row({.seconds = base_seconds})});
  const Document fresh = with_rows({test::timed_row({.seconds = new_seconds})});
  const Comparison comparison = compared(base, fresh);
  return {verdict_text(comparison.rows[0], Measure::seconds), exit_code(comparison)};
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

TEST(Compare, the_verdict_is_the_intervals) {
  EXPECT_EQ(verdict_of(0.01, 0.01), (Verdict{"same", 0}));
  EXPECT_EQ(verdict_of(0.01, 0.0103), (Verdict{"slower", 1}));
  EXPECT_EQ(verdict_of(0.01, 0.0097), (Verdict{"faster", 0}));
  EXPECT_EQ(verdict_of(0.01, 0.0102), (Verdict{"cannot tell", 3}));
}

TEST(Compare, the_margin_is_the_users) {
  const Document base = with_rows({test::timed_row({.seconds = 0.01})});
  const Document fresh = with_rows({test::timed_row({.seconds = 0.0103})});
  EXPECT_EQ(exit_code(compared(base, fresh, {.margin = 0.05, .launch_spread = 0})), 0);
}

TEST(Compare, one_worse_row_outweighs_all_others) {
  const Document base = with_rows(
      {test::timed_row({}), test::timed_row({.threads = 2}), test::timed_row({.threads = 3})});
  const Document fresh = with_rows({test::timed_row({.seconds = 0.009}),
                                    test::timed_row({.threads = 2, .seconds = 0.0102}),
                                    test::timed_row({.threads = 3, .seconds = 0.011})});
  EXPECT_EQ(exit_code(compared(base, fresh)), 1);
}

TEST(Compare, too_few_rounds_cannot_tell) {
  const Document base = with_rows({test::timed_row({})});
  Row few = test::timed_row({.rounds = 2});
  few.status = "noisy";
  few.reason = "2 rounds";
  const Comparison comparison = compared(base, with_rows({few}));
  EXPECT_EQ(comparison.rows[0].seconds.why, "new has no interval: fewer than 6 rounds");
  EXPECT_EQ(exit_code(comparison), 3);
}

TEST(Compare, windows_of_no_time_or_no_calls_are_left_out) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.rows[0].samples[3].seconds = 0;
  fresh.rows[0].samples[4].calls = 0;
  const Comparison comparison = compared(base, fresh);
  EXPECT_EQ(comparison.rows[0].seconds.ratio->how, "unpaired, 12 and 10 windows");
}

TEST(Compare, a_row_that_has_become_wrong_is_broken_and_worse) {
  const Document base = with_rows({test::timed_row({})});
  const Document fresh = with_rows({test::untimed_row({}, "wrong", "nan")});
  const Comparison comparison = compared(base, fresh);
  EXPECT_EQ(verdict_text(comparison.rows[0], Measure::seconds), "broken");
  EXPECT_EQ(exit_code(comparison), 1);
}

TEST(Compare, a_row_that_has_become_skipped_cannot_be_told) {
  const Document base = with_rows({test::timed_row({})});
  const Document fresh = with_rows({test::untimed_row({}, "skipped", "no memory")});
  EXPECT_EQ(exit_code(compared(base, fresh)), 3);
}

TEST(Compare, what_was_wrong_before_is_not_compared) {
  const Document base =
      with_rows({test::untimed_row({}, "wrong", "nan"), test::timed_row({.threads = 2})});
  const Document fresh = with_rows({test::timed_row({}), test::timed_row({.threads = 2})});
  const Comparison comparison = compared(base, fresh);
  EXPECT_EQ(verdict_text(comparison.rows[0], Measure::seconds), "not compared");
  EXPECT_EQ(comparison.rows[0].seconds.why, "base is wrong: nan");
  EXPECT_EQ(exit_code(comparison), 0);
}

TEST(Compare, nothing_compared_is_not_the_same) {
  const Document base = with_rows({test::untimed_row({}, "skipped", "no memory")});
  EXPECT_EQ(exit_code(compared(base, base)), 3);
}

TEST(Compare, rows_on_one_side_only_are_listed) {
  const Document base = with_rows({test::timed_row({}), test::timed_row({.threads = 2})});
  const Document fresh = with_rows({test::timed_row({}), test::timed_row({.threads = 4})});
  const Comparison comparison = compared(base, fresh);
  ASSERT_EQ(comparison.only_base.size(), 1u);
  EXPECT_THAT(comparison.only_base[0], HasSubstr("threads:2"));
  EXPECT_THAT(comparison.only_fresh[0], HasSubstr("threads:4"));
}

TEST(Compare, ceilings_are_not_compared) {
  const Document base = with_rows(
      {test::timed_row({}), test::timed_row({.case_name = "ceiling/what=flops", .block = -1})});
  EXPECT_EQ(compared(base, base).rows.size(), 1u);
}

TEST(Compare, records_without_a_common_row_are_the_users_mistake) {
  const Document base = with_rows({test::timed_row({})});
  const Document fresh = with_rows({test::timed_row({.threads = 2})});
  EXPECT_EQ(message_of([&] { compared(base, fresh); }), "the two sides have no row in common");
}

TEST(Compare, other_machines_only_when_asked) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.host.cpu.model = "Other";
  EXPECT_THAT(message_of([&] { compared(base, fresh); }),
              HasSubstr("cpu: Example 9000 Processor / Other"));
  const Comparison comparison = compared(base, fresh, {.launch_spread = 0, .across_hosts = true});
  EXPECT_THAT(comparison.differences, ElementsAre("cpu: Example 9000 Processor / Other"));
}

TEST(Compare, a_count_that_a_record_does_not_tell_is_unknown_not_zero) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.host.cpu.cores = fresh.host.cpu.cores_used = 0;
  const Comparison comparison = compared(base, fresh, {.launch_spread = 0, .across_hosts = true});
  EXPECT_THAT(comparison.differences, ElementsAre("cores: 2 / unknown", "cores used: 2 / unknown"));
}

TEST(Compare, settings_that_differ_are_listed_not_refused) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.host.governor = std::string("powersave");
  fresh.host.variables["OMP_NUM_THREADS"] = "1";
  EXPECT_THAT(
      compared(base, fresh).differences,
      ElementsAre("OMP_NUM_THREADS: none / 1", "governor: unknown (not given) / powersave"));
}

TEST(CompareLive, two_sides_of_one_record_are_paired_within_rounds) {
  Row a = test::timed_row({.backend = "cblas", .name = "openblas"});
  Row b = test::timed_row({.backend = "cblas", .name = "blis", .seconds = 0.0101});
  // A machine that slows down by half on the way: only ratios within rounds do not see it.
  for (Row* row : {&a, &b}) {
    for (auto& sample : row->samples) sample.seconds *= 1 + 0.05 * sample.round;
    test::summarise(*row);
  }
  const Document document = with_rows({a, b});
  const Comparison comparison =
      compare(labelled_side("openblas", document), labelled_side("blis", document), {});
  ASSERT_EQ(comparison.rows.size(), 1u);
  const Judgement& judgement = comparison.rows[0].seconds;
  EXPECT_EQ(judgement.outcome, Outcome::same);
  EXPECT_NEAR(judgement.ratio->estimate.value, 1.01, 1e-9);
  EXPECT_EQ(judgement.ratio->how, "paired in 12 rounds");
  EXPECT_TRUE(judgement.ratio->sign_test_p);

  Document second = document;
  EXPECT_EQ(compare(labelled_side("openblas", document), labelled_side("blis", second), {})
                .rows[0]
                .seconds.outcome,
            Outcome::cannot_tell);
}

TEST(CompareLive, labels_are_selectors_names_variants_or_follow_an_at) {
  const Document document = with_rows(
      {test::timed_row({.variant = "packed-once@A"}), test::timed_row({.variant = "packed-once@B"}),
       test::timed_row({.backend = "naive", .name = "naive", .variant = "A"}),
       test::timed_row({.backend = "naive", .name = "naive", .variant = "B"}),
       test::timed_row({.backend = "cblas", .name = "openblas"})});
  const Comparison builds = compare(labelled_side("A", document), labelled_side("B", document), {});
  EXPECT_EQ(builds.rows.size(), 2u);
  EXPECT_TRUE(builds.only_base.empty());
  const Comparison backends = compare(labelled_side("onednn:onednn:packed-once@A", document),
                                      labelled_side("cblas:openblas", document), {});
  EXPECT_EQ(backends.only_base.size() + backends.rows.size(), 1u);
}

TEST(CompareLive, a_label_of_no_row_or_of_several_alike_is_the_users_mistake) {
  const Document document = with_rows({test::timed_row({.backend = "cblas", .name = "openblas"}),
                                       test::timed_row({.backend = "cblas", .name = "blis"})});
  EXPECT_THAT(message_of([&] { labelled_side("mkl", document); }), HasSubstr("'mkl'"));
  EXPECT_THAT(message_of([&] { labelled_side("cblas", document); }), HasSubstr("several rows"));
}

Document with_energy(const record::Meter& meter, double watts, double spread = 0) {
  Document document = with_rows({test::timed_row({})});
  document.meters = {meter};
  Row& row = document.rows[0];
  record::Energy energy = test::energy(row, meter.id, watts, 8);
  for (auto& sample : energy.samples) sample.error_joules = spread * *sample.joules;
  row.energy = energy;
  return document;
}

TEST(CompareEnergy, modelled_joules_decide_nothing) {
  const Document base = with_energy(test::modelled_meter(), 50);
  const Document fresh = with_energy(test::modelled_meter(), 80);
  const Comparison comparison =
      compared(base, fresh, {.launch_spread = 0, .measure = Measure::joules});
  EXPECT_EQ(comparison.rows[0].joules.why, "energy is modelled from time");
  EXPECT_EQ(verdict_text(comparison.rows[0], Measure::joules), "cannot tell");
  EXPECT_EQ(exit_code(comparison), 3);
}

TEST(CompareEnergy, counted_joules_decide_and_one_meters_calibration_cancels) {
  record::Meter meter = test::counter_meter();
  meter.relative_uncertainty = 0.2;
  const Comparison comparison = compared(with_energy(meter, 50), with_energy(meter, 60),
                                         {.launch_spread = 0, .measure = Measure::joules});
  EXPECT_EQ(verdict_text(comparison.rows[0], Measure::joules), "more");
  EXPECT_EQ(exit_code(comparison), 1);
  EXPECT_EQ(exit_code(compared(with_energy(meter, 50), with_energy(meter, 40),
                               {.launch_spread = 0, .measure = Measure::joules})),
            0);
}

TEST(CompareEnergy, calibration_counts_between_machines_and_window_errors_always) {
  record::Meter meter = test::counter_meter();
  meter.relative_uncertainty = 0.2;
  const Document base = with_energy(meter, 50);
  Document fresh = with_energy(meter, 60);
  fresh.host.cpu.model = "Other";
  const CompareOptions options{
      .launch_spread = 0, .across_hosts = true, .measure = Measure::joules};
  EXPECT_EQ(exit_code(compared(base, fresh, options)), 3);
  EXPECT_EQ(exit_code(compared(base, with_energy(meter, 60, 0.2),
                               {.launch_spread = 0, .measure = Measure::joules})),
            3);
}

TEST(CompareEnergy, calibration_counts_between_meters_of_one_name) {
  record::Meter meter = test::counter_meter();
  meter.relative_uncertainty = 0.2;
  record::Meter other = meter;
  other.about = "what `curl http://another-plug` prints";
  EXPECT_EQ(exit_code(compared(with_energy(meter, 50), with_energy(other, 60),
                               {.launch_spread = 0, .measure = Measure::joules})),
            3);
}

TEST(CompareEnergy, other_scopes_are_not_compared) {
  record::Meter wall = test::counter_meter();
  wall.scope = "wall";
  const Comparison comparison =
      compared(with_energy(test::counter_meter(), 50), with_energy(wall, 60));
  EXPECT_EQ(comparison.rows[0].joules.why, "scopes differ: package / wall");
  EXPECT_EQ(exit_code(comparison), 0);  // time is the measure
}

TEST(CompareEnergy, joules_of_a_board_that_stood_by_decide_nothing) {
  const Document base = with_energy(test::board_meter(), 50);
  const Document fresh = with_energy(test::board_meter(), 60);
  const CompareOptions joules{.launch_spread = 0, .measure = Measure::joules};
  Comparison comparison = compared(base, fresh, joules);
  EXPECT_EQ(comparison.rows[0].joules.why,
            "base has no energy: nvml:0 watches an accelerator, and this ran on the processor");
  EXPECT_EQ(verdict_text(comparison.rows[0], Measure::joules), "cannot tell");
  EXPECT_EQ(exit_code(comparison), 3);
  std::ostringstream text;
  write_comparison(compared(base, fresh), text);
  EXPECT_THAT(text.str(), HasSubstr("Energy of every row: cannot tell: base has no energy: nvml:0 "
                                    "watches an accelerator"));
  record::Meter board = test::counter_meter();
  board.scope = "board";
  EXPECT_EQ(compared(with_energy(board, 50), fresh).rows[0].joules.why,
            "new has no energy: nvml:0 watches an accelerator, and this ran on the processor");
}

TEST(CompareEnergy, absent_energy_is_told_with_its_reason) {
  Document base = with_energy(test::counter_meter(), 50);
  base.rows[0].energy = Absent{"permission denied"};
  EXPECT_EQ(compared(base, base).rows[0].joules.why, "base has no energy: permission denied");
}

// Ranks without an order: launches that rise one after the other would be drift.
double scattered(int launch, int launches) { return 1 + 0.01 * (3 * launch % launches); }

TEST(CompareLaunches, six_launches_a_side_are_the_samples) {
  Row base = test::timed_row({}), fresh = test::timed_row({});
  for (int launch = 1; launch < 8; ++launch) {
    test::add_launch(base, launch, scattered(launch, 8));
    test::add_launch(fresh, launch, scattered(launch, 8));
  }
  const Comparison comparison = compared(with_rows({base}), with_rows({fresh}));
  // Launches differ by 7 %: window by window the difference would pass for nothing.
  EXPECT_EQ(comparison.rows[0].seconds.outcome, Outcome::cannot_tell);
  const Ratio& ratio = *comparison.rows[0].seconds.ratio;
  EXPECT_THAT(ratio.how, HasSubstr("8 and 8 launches"));
  EXPECT_GT(ratio.estimate.low, 0.95);  // not the hull of all pairs, which begins at 1 / 1.07
}

TEST(CompareLaunches, each_launchs_paired_ratio_is_one_sample_of_ten) {
  Row base = test::timed_row({.backend = "cblas", .name = "openblas"});
  Row fresh = test::timed_row({.backend = "cblas", .name = "blis"});
  for (int launch = 1; launch < 10; ++launch) {
    test::add_launch(base, launch, 1);
    test::add_launch(fresh, launch, scattered(launch, 10));
  }
  const Document document = with_rows({base, fresh});
  const Comparison comparison =
      compare(labelled_side("openblas", document), labelled_side("blis", document), {});
  const Ratio& ratio = *comparison.rows[0].seconds.ratio;
  // Of ten, the second and the ninth hold the median with 97.9 %.
  EXPECT_NEAR(ratio.estimate.low, 1.01, 1e-9);
  EXPECT_NEAR(ratio.estimate.high, 1.08, 1e-9);
  EXPECT_EQ(ratio.how, "paired in 120 rounds of 10 launches");
}

TEST(CompareLaunches, fewer_launches_give_the_hull_of_their_pairs) {
  Row base = test::timed_row({}), fresh = test::timed_row({});
  test::add_launch(fresh, 1, 1.1);
  const Comparison comparison = compared(with_rows({base}), with_rows({fresh}));
  const Estimate ratio = comparison.rows[0].seconds.ratio->estimate;
  EXPECT_LT(ratio.low, 1.0);
  EXPECT_GT(ratio.high, 1.1);
}

TEST(CompareLaunches, fewer_than_six_are_widened_by_what_launches_differ) {
  const Document base = with_rows({test::timed_row({.seconds = 0.01})});
  const Document fresh = with_rows({test::timed_row({.seconds = 0.0108})});
  EXPECT_EQ(exit_code(compared(base, fresh, {})), 3);
  EXPECT_EQ(exit_code(compared(base, fresh, {.launch_spread = 0.05})), 1);
  const Document far = with_rows({test::timed_row({.seconds = 0.015})});
  EXPECT_EQ(exit_code(compared(base, far, {})), 1);
}

TEST(CompareLaunches, six_a_side_and_pairs_of_one_run_are_not_widened) {
  Row row = test::timed_row({});
  for (int launch = 1; launch < 6; ++launch) test::add_launch(row, launch, 1);
  EXPECT_EQ(exit_code(compared(with_rows({row}), with_rows({row}), {})), 0);
  const Document live = with_rows({test::timed_row({.backend = "cblas", .name = "openblas"}),
                                   test::timed_row({.backend = "cblas", .name = "blis"})});
  EXPECT_EQ(exit_code(compare(labelled_side("openblas", live), labelled_side("blis", live), {})),
            0);
}

TEST(CompareText, says_what_few_launches_cannot) {
  const Document base = with_rows({test::timed_row({})}), fresh = base;
  std::ostringstream widened, narrow, json;
  write_comparison(compared(base, fresh, {}), widened);
  EXPECT_THAT(widened.str(), HasSubstr("widened by 30 % (--launch-spread)"));
  write_comparison(compared(base, fresh), narrow);
  EXPECT_THAT(narrow.str(), Not(HasSubstr("widened")));
  write_comparison_json(compared(base, fresh), json);
  EXPECT_EQ(nlohmann::json::parse(json.str())["rows"][0]["seconds"]["verdict"], "same");
}

TEST(Compare, both_outputs_hold_the_warnings_of_the_records) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.run.complete = false;
  Side doubted = whole_side("base.json", base);
  doubted.warnings = {"does not agree with itself: 2 findings"};
  const Comparison comparison = compare(doubted, whole_side("new.json", fresh), {});
  std::ostringstream text, json;
  write_comparison(comparison, text);
  EXPECT_THAT(text.str(), HasSubstr("WARNING: base: does not agree with itself: 2 findings\n"));
  EXPECT_THAT(text.str(), HasSubstr("WARNING: new: INCOMPLETE"));
  write_comparison_json(comparison, json);
  EXPECT_EQ(nlohmann::json::parse(json.str())["warnings"].size(), 2U);
}

// Subnormal seconds over many calls are zero.
TEST(Compare, windows_whose_time_per_call_vanishes_are_no_samples) {
  const Document base = with_rows({test::timed_row({})});
  Document fresh = base;
  fresh.rows[0].samples[0].seconds = 5e-324;
  EXPECT_NO_THROW(compared(base, fresh));
}

}  // namespace
}  // namespace ergon::report
