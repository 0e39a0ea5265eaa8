#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/stats/dependence.h"
#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

using Samples = std::vector<double>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

TEST(PairedRatio, CancelsDriftThatBothSidesShare) {
  Samples a, b;
  for (int round = 0; round < 12; ++round) {
    a.push_back(1.0 + round);
    b.push_back(1.25 * (1.0 + round));
  }
  const auto ratio = paired_ratio(a, b);
  ASSERT_TRUE(ratio);
  EXPECT_EQ(*ratio, (Estimate{1.25, 1.25, 1.25}));
}

TEST(PairedRatio, IsAbsentForFewPairsAndRefusesWhatHasNoRatio) {
  EXPECT_FALSE(paired_ratio(Samples{}, Samples{}));
  EXPECT_FALSE(paired_ratio(Samples{1}, Samples{2}));
  EXPECT_THROW(paired_ratio(Samples{1, 2}, Samples{1}), std::invalid_argument);
  EXPECT_THROW(paired_ratio(Samples{0}, Samples{1}), std::invalid_argument);
  EXPECT_THROW(paired_ratio(Samples{1}, Samples{-1}), std::invalid_argument);
  EXPECT_THROW(paired_ratio(Samples{1}, Samples{not_a_number}), std::invalid_argument);
}

/// The definition, with every difference formed; ranks as in the header's source.
Estimate slow_unpaired_ratio(const Samples& a, const Samples& b) {
  Samples differences;
  for (double x : a)
    for (double y : b) differences.push_back(std::log(y) - std::log(x));
  std::sort(differences.begin(), differences.end());
  const auto n = static_cast<double>(a.size());
  const auto m = static_cast<double>(b.size());
  const double factor = (rank_dependence(a) * m + rank_dependence(b) * n) / (n + m);
  const double rank = std::max(
      1.0,
      std::floor(n * m / 2 - 1.959963984540054 * std::sqrt(factor * n * m * (n + m + 1) / 12)));
  const auto low = static_cast<std::size_t>(rank) - 1;
  return {std::exp(median(differences)), std::exp(differences[low]),
          std::exp(differences[differences.size() - 1 - low])};
}

TEST(UnpairedRatio, AgreesWithFormingEveryDifference) {
  std::mt19937_64 random(3);
  const auto draw = [&](std::size_t count, double scale) {
    Samples samples;
    while (samples.size() < count)
      samples.push_back(scale * (1 + static_cast<double>(random() >> 11) * 0x1p-53));
    return samples;
  };
  for (const auto& [n, m] :
       {std::pair<std::size_t, std::size_t>{4, 4}, {5, 9}, {20, 7}, {31, 40}}) {
    const Samples a = draw(n, 1e-3);
    const Samples b = draw(m, 1.1e-3);
    const auto fast = unpaired_ratio(a, b);
    ASSERT_TRUE(fast);
    const Estimate slow = slow_unpaired_ratio(a, b);
    EXPECT_DOUBLE_EQ(fast->value, slow.value);
    EXPECT_DOUBLE_EQ(fast->low, slow.low);
    EXPECT_DOUBLE_EQ(fast->high, slow.high);
  }
}

TEST(UnpairedRatio, FindsAPureFactorBetweenLargeSamples) {
  Samples a, b;
  for (int i = 0; i < 4000; ++i) {
    a.push_back(1 + 1e-4 * i);
    b.push_back(1.5 * (1 + 1e-4 * i));
  }
  const auto ratio = unpaired_ratio(a, b);
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->value, 1.5, 1e-12);
  EXPECT_LT(ratio->low, 1.5);
  EXPECT_GT(ratio->high, 1.5);
}

TEST(UnpairedRatio, OfEqualSamplesIsExactlyOne) {
  EXPECT_EQ(unpaired_ratio(Samples(10, 2.0), Samples(7, 2.0)), (Estimate{1, 1, 1}));
}

TEST(UnpairedRatio, TiesNarrowTheIntervalButDoNotReplaceSamples) {
  EXPECT_FALSE(unpaired_ratio(Samples{2}, Samples(5, 2.0)));
  EXPECT_FALSE(unpaired_ratio(Samples(3, 2.0), Samples(3, 2.0)));
  EXPECT_TRUE(unpaired_ratio(Samples(4, 2.0), Samples(4, 2.0)));
}

TEST(UnpairedRatio, IsAbsentWithoutSamplesAndRefusesWhatHasNoLogarithm) {
  EXPECT_FALSE(unpaired_ratio(Samples{}, Samples{1}));
  EXPECT_THROW(unpaired_ratio(Samples{0}, Samples{1}), std::invalid_argument);
  EXPECT_THROW(unpaired_ratio(Samples{1}, Samples{not_a_number}), std::invalid_argument);
}

TEST(Verdict, ComesFromTheIntervalAgainstTheMargin) {
  EXPECT_EQ(verdict({1, 0.99, 1.01}, 0.02), Verdict::same);
  EXPECT_EQ(verdict({0.9, 0.88, 0.92}, 0.02), Verdict::faster);
  EXPECT_EQ(verdict({1.1, 1.05, 1.15}, 0.02), Verdict::slower);
  EXPECT_EQ(verdict({1.03, 1.01, 1.05}, 0.02), Verdict::cannot_tell);
  EXPECT_EQ(verdict({1, 0.9, 1.1}, 0.02), Verdict::cannot_tell);
  EXPECT_EQ(verdict({1, 1 / 1.02, 1.02}, 0.02), Verdict::same);
}

TEST(Verdict, MirrorsWhenTheSidesAreSwapped) {
  for (double ratio : {0.95, 0.979, 0.9802, 0.9804, 0.99, 1.0, 1.015, 1.0201, 1.05}) {
    const Verdict there = verdict({ratio, ratio, ratio}, 0.02);
    const Verdict back = verdict({1 / ratio, 1 / ratio, 1 / ratio}, 0.02);
    if (there == Verdict::same)
      EXPECT_EQ(back, Verdict::same) << ratio;
    else
      EXPECT_NE(back, there) << ratio;
  }
}

TEST(Verdict, OfAnIntervalThatIsNotANumberCannotTell) {
  EXPECT_EQ(verdict({1, not_a_number, 1}, 0.02), Verdict::cannot_tell);
  EXPECT_EQ(verdict({1, 1, not_a_number}, 0.02), Verdict::cannot_tell);
  EXPECT_EQ(verdict({1.1, not_a_number, 1.2}, 0.02), Verdict::cannot_tell);
}

TEST(Verdict, IsNamedInWords) {
  EXPECT_EQ(name(Verdict::faster), "faster");
  EXPECT_EQ(name(Verdict::cannot_tell), "cannot tell");
}

TEST(SignTest, CountsPairsThatDiffer) {
  const Samples a = {1, 1, 1, 1, 1, 1, 1};
  EXPECT_DOUBLE_EQ(sign_test_p(a, Samples{2, 2, 2, 2, 2, 2, 1}), 2.0 / 64);
  EXPECT_DOUBLE_EQ(sign_test_p(a, Samples{2, 2, 2, 2, 2, 0.5, 1}), 14.0 / 64);
  EXPECT_EQ(sign_test_p(a, a), 1);
  EXPECT_EQ(sign_test_p(Samples{}, Samples{}), 1);
  EXPECT_THROW(sign_test_p(a, Samples{1}), std::invalid_argument);
}

}  // namespace
}  // namespace ergon::stats
