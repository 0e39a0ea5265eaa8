#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

using Samples = std::vector<double>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(Median, IsTheMiddleSampleOrTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(median(Samples{7}), 7);
  EXPECT_EQ(median(Samples{3, 1, 2}), 2);
  EXPECT_EQ(median(Samples{4, 1, 3, 2}), 2.5);
}

TEST(Median, RefusesNoSamplesAndSamplesThatAreNotFinite) {
  EXPECT_THROW(median(Samples{}), std::invalid_argument);
  EXPECT_THROW(median(Samples{1, not_a_number, 2}), std::invalid_argument);
  EXPECT_THROW(median_interval(Samples{1, 2, 3, 4, 5, infinite}), std::invalid_argument);
}

TEST(Median, LeavesItsSamplesInTheirOrder) {
  const Samples samples = {3, 1, 2};
  median(samples);
  EXPECT_EQ(samples, (Samples{3, 1, 2}));
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const Samples samples = {40, 10, 30, 20};
  EXPECT_EQ(quantile(samples, 0), 10);
  EXPECT_EQ(quantile(samples, 1), 40);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.5), median(samples));
  EXPECT_EQ(quantile(Samples{5}, 0.9), 5);
}

TEST(Quantile, RefusesAProbabilityOutsideZeroToOne) {
  EXPECT_THROW(quantile(Samples{1}, -0.1), std::invalid_argument);
  EXPECT_THROW(quantile(Samples{1}, 1.1), std::invalid_argument);
  EXPECT_THROW(quantile(Samples{1}, not_a_number), std::invalid_argument);
}

TEST(MedianInterval, OfSixSamplesRunsFromTheSmallestToTheLargest) {
  EXPECT_EQ(median_interval(Samples{6, 1, 5, 2, 4, 3}), (Interval{1, 6}));
  EXPECT_EQ(median_interval(Samples{6, 1, 5, 2, 4, 3}, 0.96875), (Interval{1, 6}));
}

TEST(MedianInterval, OfNineSamplesLeavesOutOneAtEachEnd) {
  EXPECT_EQ(median_interval(Samples{9, 1, 8, 2, 7, 3, 6, 4, 5}), (Interval{2, 8}));
}

TEST(MedianInterval, IsAbsentBelowSixSamples) {
  EXPECT_FALSE(median_interval(Samples{}));
  EXPECT_FALSE(median_interval(Samples{1}));
  EXPECT_FALSE(median_interval(Samples{1, 2, 3, 4, 5}));
  EXPECT_TRUE(median_interval(Samples{1, 2, 3, 4, 5}, 0.9));
}

TEST(MedianInterval, OfTiesHasNoWidth) {
  EXPECT_EQ(median_interval(Samples(12, 3.0)), (Interval{3, 3}));
}

TEST(MedianInterval, IsNarrowerWhereDependenceIsIgnored) {
  Samples drift;
  for (int i = 0; i < 40; ++i) drift.push_back(i);
  const auto widened = median_interval(drift);
  const auto plain = median_interval(drift, 0.95, Dependence::ignored);
  EXPECT_EQ(*plain, (Interval{13, 26}));
  EXPECT_LT(widened->low, plain->low);
  EXPECT_GT(widened->high, plain->high);
}

TEST(LaunchInterval, OfOneLaunchIsTheIntervalOfItsSamples) {
  const auto one = launch_interval(std::vector<Samples>{{6, 1, 5, 2, 4, 3}});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->interval, (Interval{1, 6}));
  EXPECT_EQ(one->median, 3.5);
  EXPECT_FALSE(one->spans_launches);
}

TEST(LaunchInterval, OfTwoToFiveLaunchesIsTheHullOfTheirIntervals) {
  const auto two = launch_interval(std::vector<Samples>{Samples(8, 1.0), {2, 3, 4, 5, 6, 7}});
  ASSERT_TRUE(two);
  EXPECT_EQ(two->interval, (Interval{1, 7}));
  EXPECT_EQ(two->median, 2.75);
  EXPECT_FALSE(two->spans_launches);
  EXPECT_FALSE(launch_interval(std::vector<Samples>(5, Samples(8, 1.0)))->spans_launches);
  EXPECT_FALSE(launch_interval(std::vector<Samples>{Samples(8, 1.0), {2, 3}}));
}

TEST(LaunchInterval, OfSixLaunchesIsTheIntervalOfTheirMedians) {
  std::vector<Samples> launches;
  for (double offset : {1, 2, 3, 4, 5, 6}) launches.push_back({offset - 100, offset, offset + 100});
  const auto six = launch_interval(launches);
  ASSERT_TRUE(six);
  EXPECT_EQ(six->interval, (Interval{1, 6}));
  EXPECT_EQ(six->median, 3.5);
  EXPECT_TRUE(six->spans_launches);
}

TEST(LaunchInterval, IsAbsentWithoutLaunchesAndRefusesALaunchWithoutSamples) {
  EXPECT_FALSE(launch_interval(std::vector<Samples>{}));
  EXPECT_THROW(launch_interval(std::vector<Samples>{{}}), std::invalid_argument);
}

}  // namespace
}  // namespace ergon::stats
