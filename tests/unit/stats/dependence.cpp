#include "bench/stats/dependence.h"

#include <gtest/gtest.h>

#include <vector>

#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

using Samples = std::vector<double>;

TEST(Dependence, IsOneWhereNothingFollowsFromTheLastSample) {
  EXPECT_EQ(median_dependence(Samples{1, 9, 2, 8, 3, 7, 4, 6}), 1);
  EXPECT_EQ(rank_dependence(Samples{1, 9, 2, 8, 3, 7, 4, 6}), 1);
  EXPECT_EQ(median_dependence(Samples(20, 3.0)), 1);
  EXPECT_EQ(rank_dependence(Samples(20, 3.0)), 1);
  EXPECT_EQ(median_dependence(Samples{1, 2, 3}), 1);
}

TEST(Dependence, GrowsWithTheLengthOfRuns) {
  // Signs ----++++: r_1 = 5/8, r_2 = 2/8, each raised by 1/8; the next pair is -1/8 - 4/8 + 2/8.
  EXPECT_DOUBLE_EQ(median_dependence(Samples{1, 2, 3, 4, 5, 6, 7, 8}), 1 + 2 * (7.0 / 8 + 2.0 / 8));
  // Signs --++--++: r_1 = 1/8, r_2 = -6/8.
  EXPECT_EQ(median_dependence(Samples{1, 2, 7, 8, 3, 4, 5, 6}), 1);
}

TEST(Dependence, OfRanksLooksAtHowFarNotOnlyAtWhichSide) {
  // Both have signs ----++++, but only the first rises steadily: 1.75 of 2.625 at lag one.
  const Samples rising{1, 2, 3, 4, 5, 6, 7, 8}, mixed{4, 1, 3, 2, 6, 8, 5, 7};
  EXPECT_EQ(median_dependence(rising), median_dependence(mixed));
  EXPECT_GT(rank_dependence(rising), 1.2 * rank_dependence(mixed));
}

TEST(Dependence, OfARankIsItsWayFromTheMiddle) {
  // 20 samples, rank 6: 4.5 from the middle of 10.5; twice that is 9, four times is past the ends.
  EXPECT_EQ(widened_rank(20, 6, 1), 6U);
  EXPECT_EQ(widened_rank(20, 6, 4), 1U);
  EXPECT_EQ(widened_rank(21, 6, 2.25), 3U);
  EXPECT_EQ(widened_rank(20, 6, 100), 1U);
  EXPECT_EQ(widened_rank(5, 0, 100), 0U);
}

TEST(Dependence, WidensTheIntervalOfAMedian) {
  const Samples rising{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Samples mixed{1, 12, 2, 11, 3, 10, 4, 9, 5, 8, 6, 7};
  EXPECT_EQ(*median_interval(rising), (Interval{1, 12}));
  EXPECT_EQ(*median_interval(mixed), (Interval{3, 10}));
}

}  // namespace
}  // namespace ergon::stats
