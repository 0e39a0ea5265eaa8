#include "bench/stats/dependence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/stats/samples.h"
#include "bench/stats/stats.h"

namespace ergon::stats {
namespace {

double product_at_lag(const std::vector<double>& series, std::size_t lag) {
  double sum = 0;
  for (std::size_t i = 0; i + lag < series.size(); ++i) sum += series[i] * series[i + lag];
  return sum;
}

double dependence(std::vector<double> series) {
  const std::size_t n = series.size();
  if (n < 4) return 1;
  double mean = 0;
  for (const double value : series) mean += value / static_cast<double>(n);
  for (double& value : series) value -= mean;
  const double variance = product_at_lag(series, 0);
  const double bias = 1 / static_cast<double>(n);
  const auto correlation = [&](std::size_t lag) {
    return product_at_lag(series, lag) / variance + bias;
  };
  if (variance <= 0 || correlation(1) <= 0) return 1;
  double factor = 1;
  for (std::size_t lag = 1; lag + 2 < n; lag += 2) {
    const double pair = correlation(lag) + correlation(lag + 1);
    if (pair <= 0) break;
    factor += 2 * pair;
  }
  return factor;
}

}  // namespace

double median_dependence(std::span<const double> in_order) {
  if (in_order.empty()) return 1;
  const double middle = median(in_order);
  std::vector<double> signs;
  for (const double sample : in_order)
    signs.push_back((sample > middle ? 1.0 : 0.0) - (sample < middle ? 1.0 : 0.0));
  return dependence(std::move(signs));
}

double rank_dependence(std::span<const double> in_order) {
  const auto ascending = sorted(in_order);
  std::vector<double> ranks;
  for (const double sample : in_order) {
    const auto [first, last] = std::equal_range(ascending.begin(), ascending.end(), sample);
    ranks.push_back(static_cast<double>((first - ascending.begin()) + (last - ascending.begin())));
  }
  return dependence(std::move(ranks));
}

std::size_t widened_rank(std::size_t n, std::size_t rank, double factor) noexcept {
  if (rank == 0 || factor <= 1) return rank;
  // Ranks count from 1.
  const double middle = static_cast<double>(n) / 2 + 0.5;
  const double reach = (middle - static_cast<double>(rank)) * std::sqrt(factor);
  const double wider = std::floor(middle - reach + 1e-9);
  return static_cast<std::size_t>(std::clamp(wider, 1.0, static_cast<double>(rank)));
}

}  // namespace ergon::stats
