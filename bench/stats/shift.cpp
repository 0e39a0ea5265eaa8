// The shift between two samples: order statistics of all n * m pairwise differences, found without
// forming them. For sorted samples the number of differences up to a limit takes n + m steps, and
// bisecting over the representable doubles reaches the exact order statistic in 64 of those counts.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <vector>

#include "bench/stats/dependence.h"
#include "bench/stats/samples.h"
#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

/// Integers in the order of the doubles they stand for; both zeros share one.
std::int64_t key_of(double value) {
  const auto bits = std::bit_cast<std::int64_t>(value);
  return bits >= 0 ? bits : INT64_MIN - bits;
}

double value_of(std::int64_t key) {
  return std::bit_cast<double>(key >= 0 ? key : INT64_MIN - key);
}

/// All b[j] - a[i] for ascending a and b; sizes are not 0.
class Differences {
 public:
  Differences(const std::vector<double>& a, const std::vector<double>& b) : a_(a), b_(b) {}

  std::uint64_t count() const { return std::uint64_t{a_.size()} * b_.size(); }

  std::uint64_t count_up_to(double limit) const {
    std::uint64_t total = 0;
    std::size_t taken = 0;
    for (const double a : a_) {
      while (taken < b_.size() && b_[taken] - a <= limit) ++taken;
      total += taken;
    }
    return total;
  }

  /// The rank-th smallest, 1 <= rank <= count().
  double at(std::uint64_t rank) const {
    std::int64_t low = key_of(b_.front() - a_.back());
    std::int64_t high = key_of(b_.back() - a_.front());
    while (low < high) {
      const std::int64_t mid = std::midpoint(low, high - 1);
      if (count_up_to(value_of(mid)) >= rank)
        high = mid;
      else
        low = mid + 1;
    }
    return value_of(low);
  }

 private:
  const std::vector<double>& a_;
  const std::vector<double>& b_;
};

/// Sum of t^3 - t over groups of t equal values in the pooled sample.
double tie_sum(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> pooled;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(pooled));
  double sum = 0;
  for (auto group = pooled.begin(); group != pooled.end();) {
    const auto end = std::upper_bound(group, pooled.end(), *group);
    const auto size = static_cast<double>(end - group);
    sum += size * size * size - size;
    group = end;
  }
  return sum;
}

/// Rank from either end of the n * m differences that encloses the shift with probability P(|Z| <=
/// z); under 1 where even the extremes do not. The variance is `factor` times that of the rank sum
/// without a shift (Lehmann, sections 1.3 and 1.4).
double shift_rank(double n, double m, double ties, double factor, double z) {
  const double all = n + m;
  const double variance = factor * n * m / 12 * std::max(0.0, all + 1 - ties / (all * (all - 1)));
  return std::floor(n * m / 2 - z * std::sqrt(variance));
}

/// z with P(|Z| <= z) = confidence for a standard normal Z, by bisection of erfc.
double normal_quantile(double confidence) {
  double low = 0;
  double high = 40;
  while (high - low > 1e-12) {
    const double mid = (low + high) / 2;
    (std::erfc(mid / std::sqrt(2.0)) > 1 - confidence ? low : high) = mid;
  }
  return high;
}

std::vector<double> logarithms(std::span<const double> samples) {
  require_positive(samples);
  auto ascending = sorted(samples);
  for (double& value : ascending) value = std::log(value);
  return ascending;
}

}  // namespace

std::optional<Estimate> unpaired_ratio(std::span<const double> a, std::span<const double> b,
                                       double confidence) {
  const auto log_a = logarithms(a);
  const auto log_b = logarithms(b);
  if (log_a.empty() || log_b.empty()) return std::nullopt;
  const auto n = static_cast<double>(log_a.size());
  const auto m = static_cast<double>(log_b.size());
  const double z = normal_quantile(confidence);
  // Ties must not make a handful of samples look like enough.
  if (shift_rank(n, m, 0, 1, z) < 1) return std::nullopt;
  // The variance of a difference of means: each side's own factor over its own number.
  const double factor = (rank_dependence(a) * m + rank_dependence(b) * n) / (n + m);
  const auto rank =
      static_cast<std::uint64_t>(std::max(1.0, shift_rank(n, m, tie_sum(log_a, log_b), factor, z)));
  const Differences differences(log_a, log_b);
  const std::uint64_t count = differences.count();
  const double centre =
      std::midpoint(differences.at((count + 1) / 2), differences.at(count / 2 + 1));
  return Estimate{std::exp(centre), std::exp(differences.at(rank)),
                  std::exp(differences.at(count + 1 - rank))};
}

}  // namespace ergon::stats
