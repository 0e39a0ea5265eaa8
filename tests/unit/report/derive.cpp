#include "bench/report/derive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

using record::Document;
using record::Row;
using testing::HasSubstr;

// 2e9 flops and 12e6 bytes in 10 ms, give or take 0.35 % (third of twelve to tenth of twelve).
class Derive : public testing::Test {
 protected:
  Document document = test::machine();
  Row row = test::timed_row({});
  Figures figures() const { return derive(document, row, pricing); }
  Pricing pricing;
};

TEST_F(Derive, rates_follow_from_the_median_and_turn_its_interval_round) {
  const Estimate rate = *figures().flops_per_second.figure;
  EXPECT_DOUBLE_EQ(rate.value, 2e9 / 0.01);
  EXPECT_DOUBLE_EQ(rate.low, 2e9 / row.interval95->high);
  EXPECT_DOUBLE_EQ(rate.high, 2e9 / row.interval95->low);
  EXPECT_DOUBLE_EQ(figures().bytes_per_second.figure->value, 12e6 / 0.01);
}

TEST_F(Derive, no_figure_without_an_interval) {
  row = test::timed_row({.rounds = 3});
  EXPECT_THAT(figures().flops_per_second.figure.reason(), HasSubstr("without an interval"));
}

TEST_F(Derive, work_that_is_not_counted_has_no_rate) {
  row.work.flops = 0;
  EXPECT_EQ(figures().flops_per_second.figure.reason(), "this work counts no flops");
  EXPECT_EQ(figures().tokens_per_second.figure.reason(), "this work counts no tokens");
  row.work.tokens = 5;
  EXPECT_DOUBLE_EQ(figures().tokens_per_second.figure->value, 500);
}

TEST_F(Derive, the_full_square_has_a_rate_where_it_is_another_count) {
  EXPECT_EQ(figures().full_square_flops_per_second.figure.reason(), "this work has no full square");
  row.work.full_square_flops = row.work.flops;
  EXPECT_EQ(figures().full_square_flops_per_second.figure.reason(),
            "nothing is skipped: it is flops_per_second");
  row.work.full_square_flops = 5e9;
  EXPECT_DOUBLE_EQ(figures().full_square_flops_per_second.figure->value, 5e9 / 0.01);
  EXPECT_DOUBLE_EQ(figures().flops_per_second.figure->value, 2e9 / 0.01);
}

TEST_F(Derive, a_wrong_answer_has_no_speed) {
  for (const char* status : {"wrong", "failed", "impossible", "skipped"}) {
    row.status = status;
    row.reason = "why";
    row.energy = test::energy(row, "perf", 50);
    document.prices = {test::hourly_price(1)};
    const Figures now = figures();
    for (const Derived* figure : {&now.seconds_per_call, &now.flops_per_second, &now.watts,
                                  &now.flops_per_usd, &now.usd_per_hour, &now.peak_fraction})
      EXPECT_EQ(figure->figure.reason(), std::string(status) + ": why");
  }
}

TEST_F(Derive, a_noisy_row_keeps_its_figures) {
  row.status = "noisy";
  row.reason = "why";
  EXPECT_TRUE(figures().flops_per_second.figure);
}

TEST_F(Derive, watts_are_joules_over_the_seconds_of_the_energy_windows) {
  document.meters = {test::counter_meter()};
  row.energy = test::energy(row, "perf", 50);
  const Derived watts = figures().watts;
  EXPECT_DOUBLE_EQ(watts.figure->value, 50);
  EXPECT_DOUBLE_EQ(watts.figure->low, 50 / 1.02);
  EXPECT_DOUBLE_EQ(watts.figure->high, 50 * 1.02);
  EXPECT_EQ(watts.shared_factors, (std::vector<SharedFactor>{{"meter perf", 1 / 1.02, 1.02}}));
  EXPECT_DOUBLE_EQ(figures().joules_per_call.figure->value, 0.5);
  EXPECT_DOUBLE_EQ(figures().flops_per_joule.figure->value, 4e9);
}

TEST_F(Derive, spread_and_error_of_energy_windows_widen_the_interval) {
  document.meters = {test::counter_meter()};
  document.meters[0].relative_uncertainty = 0;
  row.energy = test::energy(row, "perf", 50, 3);
  const double spread = 4.30265 * 0.5 / std::sqrt(3.0);  // 49.5, 50 and 50.5 W
  EXPECT_NEAR(figures().watts.figure->low, 50 - spread, 1e-6);
  EXPECT_NEAR(figures().watts.figure->high, 50 + spread, 1e-6);
  Row with_error = row;
  record::Energy energy = *row.energy;
  for (auto& sample : energy.samples) sample.error_joules = 4;  // of 50 J in 1 s
  with_error.energy = energy;
  const double error = 4 * std::sqrt(3.0) / 3;  // three windows of a second
  EXPECT_NEAR(derive(document, with_error, {}).watts.figure->low, 50 - error, 1e-9);
  EXPECT_NEAR(derive(document, with_error, {}).watts.figure->high, 50 + error, 1e-9);
}

TEST_F(Derive, energy_windows_without_joules_are_left_out) {
  document.meters = {test::counter_meter()};
  record::Energy energy = test::energy(row, "perf", 50, 3);
  energy.samples[1].joules = Absent{"the counter stood still"};
  row.energy = energy;
  EXPECT_DOUBLE_EQ(figures().watts.figure->value, 50);
  for (auto& sample : energy.samples) sample.joules = Absent{"the counter stood still"};
  row.energy = energy;
  EXPECT_EQ(figures().watts.figure.reason(), "the counter stood still");
  EXPECT_EQ(figures().flops_per_joule.figure.reason(), "the counter stood still");
}

TEST_F(Derive, energy_is_absent_with_the_records_reason_and_never_zero) {
  row.energy = Absent{"permission denied"};
  EXPECT_EQ(figures().watts.figure.reason(), "permission denied");
  row.energy = test::energy(row, "unheard-of", 50);
  EXPECT_THAT(figures().watts.figure.reason(), HasSubstr("unheard-of"));
  document.meters = {test::counter_meter()};
  row.energy = test::energy(row, "perf", 0);
  EXPECT_EQ(figures().watts.figure.reason(), "the meter counted no joules");
}

TEST_F(Derive, dollars_are_the_charged_share_of_the_hourly_price) {
  document.prices = {test::hourly_price(0.8, 0.25)};
  EXPECT_DOUBLE_EQ(figures().usd_per_hour.figure->value, 0.2);
  EXPECT_NEAR(figures().flops_per_usd.figure->value, 2e11 * 3600 / 0.2, 1e3);
  EXPECT_EQ(figures().flops_per_usd.shared_factors,
            (std::vector<SharedFactor>{{"price c7a.large", 1, 1}}));
}

TEST_F(Derive, a_price_range_is_a_shared_factor) {
  document.prices = {test::hourly_price(1)};
  document.prices[0].usd_per_hour_range = Interval{0.5, 2};
  const Derived figure = figures().flops_per_usd;
  EXPECT_EQ(figure.shared_factors, (std::vector<SharedFactor>{{"price c7a.large", 0.5, 2}}));
  EXPECT_LT(figure.figure->low, figure.figure->value * 0.51);
  EXPECT_GT(figure.figure->high, figure.figure->value * 1.99);
}

TEST_F(Derive, a_price_given_now_replaces_the_records) {
  document.prices = {test::hourly_price(0.8, 0.25)};
  pricing.usd_per_hour = 4;
  EXPECT_DOUBLE_EQ(figures().usd_per_hour.figure->value, 4);
  EXPECT_EQ(figures().usd_per_hour.shared_factors[0].name, "price --usd-per-hour");
}

TEST_F(Derive, no_price_says_how_to_give_one) {
  EXPECT_THAT(figures().flops_per_usd.figure.reason(), HasSubstr("--usd-per-hour"));
  document.prices = {test::hourly_price(1)};
  document.prices[0].usd_per_hour = Absent{"priced by energy"};
  EXPECT_THAT(figures().usd_per_hour.figure.reason(),
              HasSubstr("no price of the record is per hour"));
}

TEST_F(Derive, peak_fraction_is_against_the_ceiling_of_dtype_and_threads) {
  EXPECT_DOUBLE_EQ(figures().peak_fraction.figure->value, 0.5);  // 200 of 400 G
  row.threads = 2;
  EXPECT_DOUBLE_EQ(figures().peak_fraction.figure->value, 0.25);
  EXPECT_EQ(figures().peak_fraction.shared_factors[0].name, "ceiling flops f32 2 threads on cpu");
  row.threads = 3;
  EXPECT_EQ(figures().peak_fraction.figure.reason(),
            "no flops ceiling for f32 with 3 threads was measured on cpu");
}

TEST_F(Derive, peak_fraction_is_against_the_ceiling_of_what_is_multiplied) {
  row.dtype.weights = "s4";
  EXPECT_EQ(figures().peak_fraction.figure.reason(),
            "no flops ceiling for s4 with 1 thread was measured on cpu");
  row.dtype.products = "f32";
  EXPECT_DOUBLE_EQ(figures().peak_fraction.figure->value, 0.5);
  row.dtype.products = "s8";
  EXPECT_EQ(figures().peak_fraction.figure.reason(),
            "no flops ceiling for s8 with 1 thread was measured on cpu");
}

TEST_F(Derive, a_ceilings_interval_is_in_the_fraction_and_named_as_shared) {
  const Derived fraction = figures().peak_fraction;
  const Estimate rate = *figures().flops_per_second.figure;
  EXPECT_DOUBLE_EQ(fraction.figure->low, rate.low / 404e9);
  EXPECT_DOUBLE_EQ(fraction.figure->high, rate.high / 396e9);
  EXPECT_DOUBLE_EQ(fraction.shared_factors[0].high, 400 / 396.0);
}

TEST_F(Derive, a_fraction_is_taken_within_rounds_where_the_ceilings_row_is_there) {
  // The row has met the fast rounds alone: 0.5 of the ceiling's median, 0.4 in every round.
  record::Row peak = row;
  peak.kernel = "ceiling";
  peak.workload = {{"what", std::string("flops")}};
  for (record::TimeSample& sample : peak.samples) sample.seconds *= row.work.flops / 500e9 / 0.01;
  peak.work.flops = row.work.flops;
  document.rows.push_back(peak);
  const Derived fraction = figures().peak_fraction;
  EXPECT_NEAR(fraction.figure->value, 0.4, 1e-9);
  EXPECT_NEAR(fraction.figure->high - fraction.figure->low, 0, 1e-9);
  EXPECT_TRUE(fraction.shared_factors.empty());
  EXPECT_NEAR(figures().roofline_fraction.figure->value, 0.4, 1e-9);
}

TEST_F(Derive, an_unknown_ceiling_stays_unknown) {
  document.devices[0].ceilings[0].value_per_second = Absent{"no loop for AMX"};
  EXPECT_EQ(figures().peak_fraction.figure.reason(),
            "unknown flops ceiling for f32 on cpu: no loop for AMX");
  row.device = "cuda:0";
  EXPECT_THAT(figures().peak_fraction.figure.reason(), HasSubstr("cuda:0"));
}

TEST_F(Derive, roofline_of_a_cold_stream_is_bandwidth_times_intensity) {
  row = test::timed_row({.cache = "cold", .flops = 24e6, .bytes = 48e6, .seconds = 0.004});
  // 0.5 flop/B x 20 GB/s = 10 Gflop/s; 24e6 / 0.004 = 6 Gflop/s.
  EXPECT_NEAR(figures().roofline_fraction.figure->value, 0.6, 1e-12);
  EXPECT_NEAR(figures().bandwidth_fraction.figure->value, 0.6, 1e-12);
  EXPECT_TRUE(*is_memory_bound(document, row));
}

TEST_F(Derive, bandwidth_is_that_of_the_ceiling_that_a_row_names) {
  row = test::timed_row({.cache = "cold", .flops = 24e6, .bytes = 48e6, .seconds = 0.004});
  row.cold->ceiling = Maybe<std::string>("bandwidth_update");
  EXPECT_EQ(figures().bandwidth_fraction.figure.reason(),
            "no bandwidth_update ceiling with 1 thread was measured on cpu");
  document.devices[0].ceilings.push_back(
      {"bandwidth_update", "", 1, 24e9, Interval{24e9, 24e9}, "a loop"});
  EXPECT_NEAR(figures().bandwidth_fraction.figure->value, 0.5, 1e-12);
  EXPECT_NEAR(figures().roofline_fraction.figure->value, 0.5, 1e-12);
  EXPECT_TRUE(*is_memory_bound(document, row));
  row.cold->ceiling = Maybe<std::string>(Absent{"of both kinds"});
  EXPECT_EQ(figures().bandwidth_fraction.figure.reason(), "of both kinds");
  EXPECT_EQ(is_memory_bound(document, row).reason(), "of both kinds");
}

TEST_F(Derive, roofline_of_dense_work_is_the_peak) {
  EXPECT_DOUBLE_EQ(figures().roofline_fraction.figure->value, 0.5);
  row.cache = "cold";
  EXPECT_DOUBLE_EQ(figures().roofline_fraction.figure->value, 0.5);
  EXPECT_FALSE(*is_memory_bound(document, row));
}

TEST_F(Derive, memory_bandwidth_does_not_bound_what_caches_may_feed) {
  row.work.bytes = 4e9;
  EXPECT_DOUBLE_EQ(figures().roofline_fraction.figure->value, 0.5) << "of the peak alone";
  EXPECT_THAT(figures().bandwidth_fraction.figure.reason(), HasSubstr("warm"));
  row.cache = "cold";
  EXPECT_TRUE(figures().roofline_fraction.figure);
}

TEST_F(Derive, a_ceiling_is_not_measured_by_itself) {
  row.kernel = "ceiling";
  EXPECT_EQ(figures().peak_fraction.figure.reason(), "this row is a ceiling itself");
}

TEST_F(Derive, nonsense_in_a_record_gives_reasons_not_infinities) {
  row.median = 0.0;
  EXPECT_FALSE(figures().flops_per_second.figure);
  row.median = 1e-300;
  row.interval95 = Interval{1e-300, 1e-300};
  row.work.flops = 1e300;
  EXPECT_EQ(figures().flops_per_second.figure.reason(), "beyond the range of a number");
}

}  // namespace
}  // namespace ergon::report
