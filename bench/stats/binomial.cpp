#include "bench/stats/binomial.h"

#include <algorithm>

namespace ergon::stats {
namespace {

/// Rounding must not refuse a confidence that is reached exactly (n = 6: 0.96875).
constexpr double rounding = 1e-12;

/// Sum of P(X = i) / P(X = n/2) over i <= k, for k <= n/2.
double lower_weight(std::size_t n, std::size_t k) {
  double sum = 0;
  double weight = 1;
  for (std::size_t i = n / 2;; --i) {
    if (i <= k) sum += weight;
    if (i == 0) return sum;
    weight *= static_cast<double>(i) / static_cast<double>(n - i + 1);
  }
}

}  // namespace

double fair_binomial_cdf(std::size_t n, std::size_t k) noexcept {
  if (k >= n) return 1;
  if (k > n / 2) return 1 - fair_binomial_cdf(n, n - k - 1);
  const double half = lower_weight(n, n / 2);
  // An even n has its middle count in both halves.
  const double total = n % 2 == 0 ? 2 * half - 1 : 2 * half;
  return lower_weight(n, k) / total;
}

std::size_t median_rank(std::size_t n, double confidence) noexcept {
  const double allowed = (1 - confidence) / 2 + rounding;
  std::size_t reached = 0;
  std::size_t beyond = (n + 1) / 2 + 1;
  while (beyond - reached > 1) {
    const std::size_t rank = reached + (beyond - reached) / 2;
    (fair_binomial_cdf(n, rank - 1) <= allowed ? reached : beyond) = rank;
  }
  return reached;
}

}  // namespace ergon::stats
