// How often the intervals hold the truth, simulated with fixed seeds and our own transforms, so
// that the figures are the same with every standard library.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <vector>

#include "bench/stats/binomial.h"
#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

using Samples = std::vector<double>;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  /// Inside (0, 1).
  double uniform() { return (static_cast<double>(random_() >> 12) + 0.5) * 0x1p-52; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }
  double exponential() { return -std::log(uniform()); }
  double lognormal() { return std::exp(0.5 * normal()); }
  Samples many(std::size_t count, double (Draw::*one)()) {
    Samples samples;
    while (samples.size() < count) samples.push_back((this->*one)());
    return samples;
  }
  /// Stationary AR(1) with unit variance.
  Samples drifting(std::size_t count, double coefficient) {
    Samples samples = {normal()};
    while (samples.size() < count)
      samples.push_back(coefficient * samples.back() +
                        std::sqrt(1 - coefficient * coefficient) * normal());
    return samples;
  }

 private:
  std::mt19937_64 random_;
};

constexpr int repeats = 4000;

double share(const std::function<bool()>& holds) {
  int held = 0;
  for (int i = 0; i < repeats; ++i) held += holds() ? 1 : 0;
  return static_cast<double>(held) / repeats;
}

bool holds(const Interval& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;
}

/// Four standard deviations of a simulated share near 0.95.
constexpr double slack = 0.014;

struct Distribution {
  const char* name;
  double (Draw::*one)();
  double median;
};

class Coverage : public testing::TestWithParam<Distribution> {};

TEST_P(Coverage, OfTheMedianIntervalIsAtLeastWhatTheBinomialSays) {
  Draw draw(17);
  for (const std::size_t n : {6U, 11U, 30U, 101U}) {
    const double covered = share(
        [&] { return holds(*median_interval(draw.many(n, GetParam().one)), GetParam().median); });
    const double independent = 1 - 2 * fair_binomial_cdf(n, median_rank(n, 0.95) - 1);
    EXPECT_GE(covered, independent - slack) << n;
    EXPECT_LE(covered, std::max(0.985, independent + slack)) << n;
  }
}

TEST_P(Coverage, OfTheUnpairedRatioIsNearNominal) {
  Draw draw(23);
  const double covered = share([&] {
    Samples a = draw.many(12, GetParam().one);
    Samples b = draw.many(9, GetParam().one);
    for (double& x : a) x = std::exp(0.01 * x);
    for (double& x : b) x = 1.25 * std::exp(0.01 * x);
    const auto ratio = unpaired_ratio(a, b);
    return holds({ratio->low, ratio->high}, 1.25);
  });
  EXPECT_GE(covered, 0.95 - slack);
  EXPECT_LE(covered, 0.98);
}

INSTANTIATE_TEST_SUITE_P(Distributions, Coverage,
                         testing::Values(Distribution{"normal", &Draw::normal, 0},
                                         Distribution{"exponential", &Draw::exponential,
                                                      std::numbers::ln2},
                                         Distribution{"lognormal", &Draw::lognormal, 1}),
                         [](const auto& given) { return given.param.name; });

/// Exact P(rank sum statistic U <= u) without ties, by counting arrangements.
double rank_sum_cdf(std::size_t n, std::size_t m, std::size_t u) {
  // ways[j][s]: choices of j of the first ranks whose U is s.
  std::vector<std::vector<double>> ways(n + 1, std::vector<double>(n * m + 1, 0));
  ways[0][0] = 1;
  for (std::size_t rank = 0; rank < n + m; ++rank)
    for (std::size_t j = std::min(rank + 1, n); j > 0; --j)
      for (std::size_t s = rank - (j - 1); s <= n * m; ++s)
        ways[j][s] += ways[j - 1][s - (rank - (j - 1))];
  double tail = 0;
  double all = 0;
  for (std::size_t s = 0; s <= n * m; ++s) {
    all += ways[n][s];
    tail += s <= u ? ways[n][s] : 0;
  }
  return tail / all;
}

TEST(UnpairedCoverage, OfTheNormalApproximationIsExactEnoughForSmallSamples) {
  for (std::size_t n = 4; n <= 14; ++n)
    for (std::size_t m = 4; m <= 14; ++m) {
      // Spacings so unlike that no two differences are equal.
      Samples a, b;
      for (std::size_t i = 0; i < n; ++i) a.push_back(std::exp(1e-3 * static_cast<double>(i)));
      for (std::size_t j = 0; j < m; ++j)
        b.push_back(std::exp(1e-1 * static_cast<double>(j) + 1e-5));
      const auto ratio = unpaired_ratio(a, b);
      ASSERT_TRUE(ratio);
      std::size_t below = 0;
      for (double x : a)
        for (double y : b) below += y / x < ratio->low * (1 - 1e-9) ? 1 : 0;
      // low is the (below + 1)-th difference: it misses the truth where U <= below.
      EXPECT_GE(1 - 2 * rank_sum_cdf(n, m, below), 0.94) << n << " x " << m;
    }
}

TEST(DriftingSamples, AreCoveredWhereTheyOutlastTheirDrift) {
  Draw draw(29);
  for (const std::size_t n : {50U, 150U}) {
    const double covered = share([&] { return holds(*median_interval(draw.drifting(n, 0.5)), 0); });
    EXPECT_GE(covered, 0.95 - slack) << n;
    EXPECT_LE(covered, 0.98) << n;
  }
}

TEST(DriftingSamples, AreCoveredLessWhereTheirDriftOutlastsThem) {
  Draw draw(29);
  const double covered = share([&] { return holds(*median_interval(draw.drifting(30, 0.9)), 0); });
  EXPECT_GT(covered, 0.72);
  EXPECT_LT(covered, 0.82);
}

TEST(DriftingSamples, AreCoveredByTheUnpairedRatioToo) {
  Draw draw(37);
  const double covered = share([&] {
    Samples a = draw.drifting(40, 0.5), b = draw.drifting(60, 0.5);
    for (double& x : a) x = std::exp(0.01 * x);
    for (double& x : b) x = 1.25 * std::exp(0.01 * x);
    const auto ratio = unpaired_ratio(a, b);
    return holds({ratio->low, ratio->high}, 1.25);
  });
  EXPECT_GE(covered, 0.95 - 2 * slack);
  EXPECT_LE(covered, 0.985);
}

TEST(DriftingSamples, AreCoveredByTheIntervalOfLaunchMedians) {
  Draw draw(31);
  const double covered = share([&] {
    std::vector<Samples> launches;
    while (launches.size() < 9) launches.push_back(draw.drifting(15, 0.9));
    return holds(launch_interval(launches)->interval, 0);
  });
  EXPECT_GE(covered, 1 - 2 * fair_binomial_cdf(9, 1) - slack);
  EXPECT_LE(covered, 0.995);
}

}  // namespace
}  // namespace ergon::stats
