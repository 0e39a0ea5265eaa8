#include "bench/stats/binomial.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ergon::stats {
namespace {

TEST(FairBinomial, MatchesHandCountedTails) {
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(1, 0), 0.5);
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(6, 0), 1.0 / 64);
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(6, 1), 7.0 / 64);
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(6, 3), 42.0 / 64);
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(6, 5), 63.0 / 64);
  EXPECT_EQ(fair_binomial_cdf(6, 6), 1);
  EXPECT_EQ(fair_binomial_cdf(0, 0), 1);
}

TEST(FairBinomial, IsSymmetricForThousandsOfTrials) {
  for (const std::size_t n : {1000U, 1001U, 5000U, 20001U})
    EXPECT_NEAR(fair_binomial_cdf(n, n / 2 - 40) + fair_binomial_cdf(n, n - (n / 2 - 40) - 1), 1,
                1e-12);
  EXPECT_DOUBLE_EQ(fair_binomial_cdf(20001, 10000), 0.5);
}

TEST(FairBinomial, NeitherOverflowsNorTurnsNegativeFarOut) {
  EXPECT_GE(fair_binomial_cdf(20000, 0), 0);
  EXPECT_LT(fair_binomial_cdf(20000, 5000), 1e-300);
}

// Ranks of Conover, Practical Nonparametric Statistics, for the two-sided 95 % interval of a
// median.
TEST(MedianRank, MatchesKnownTable) {
  const std::size_t none[] = {0, 1, 2, 3, 4, 5};
  for (const std::size_t n : none) EXPECT_EQ(median_rank(n, 0.95), 0U) << n;
  const struct {
    std::size_t n, rank;
  } table[] = {{6, 1},  {7, 1},  {8, 1},  {9, 2},   {10, 2},  {11, 2},  {12, 3},
               {15, 4}, {20, 6}, {25, 8}, {30, 10}, {50, 18}, {100, 40}};
  for (const auto& [n, rank] : table) EXPECT_EQ(median_rank(n, 0.95), rank) << n;
}

TEST(MedianRank, TakesAConfidenceThatIsReachedExactly) {
  EXPECT_EQ(median_rank(6, 0.96875), 1U);
  EXPECT_EQ(median_rank(6, 0.97), 0U);
}

TEST(MedianRank, IsTheLargestRankThatReachesTheConfidence) {
  for (std::size_t n = 6; n < 400; ++n) {
    const std::size_t rank = median_rank(n, 0.95);
    ASSERT_GE(1 - 2 * fair_binomial_cdf(n, rank - 1), 0.95 - 1e-9) << n;
    ASSERT_LT(1 - 2 * fair_binomial_cdf(n, rank), 0.95) << n;
  }
}

TEST(MedianRank, AgreesWithTheNormalApproximationForThousands) {
  const double n = 9000;
  EXPECT_NEAR(static_cast<double>(median_rank(9000, 0.95)), n / 2 - 1.96 * std::sqrt(n) / 2, 1.5);
}

}  // namespace
}  // namespace ergon::stats
