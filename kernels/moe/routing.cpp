#include "kernels/moe/routing.h"

#include <algorithm>

#include "kernels/fill.h"

namespace ergon {
namespace {

/// In [0, 1), 53 bits.
double uniform_value(std::int64_t index) {
  static const std::uint64_t stream = stream_of("routing");
  return static_cast<double>(random_bits(0, stream, static_cast<std::uint64_t>(index)) >> 11) *
         0x1p-53;
}

/// One of `weights` with a probability in proportion, its weight taken away.
std::int32_t take(std::vector<double>& weights, double where) {
  double total = 0;
  for (const double weight : weights) total += weight;
  double left = where * total;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < weights.size() && left >= 0; ++i) {
    if (weights[i] == 0) continue;
    chosen = i;
    left -= weights[i];
  }
  weights[chosen] = 0;
  return static_cast<std::int32_t>(chosen);
}

}  // namespace

std::vector<std::int32_t> route(const Moe& workload) {
  std::vector<double> weights(static_cast<std::size_t>(workload.experts), 1);
  if (workload.routing == Routing::skewed)
    for (std::size_t e = 0; e < weights.size(); ++e) weights[e] /= static_cast<double>(1 + e);
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(workload.rows()));
  std::vector<double> of_token;
  for (std::int64_t row = 0; row < workload.rows(); ++row) {
    const std::int64_t j = row % workload.top_k;
    if (j == 0) of_token = weights;
    chosen[static_cast<std::size_t>(row)] = workload.routing == Routing::one
                                                ? static_cast<std::int32_t>(j)
                                                : take(of_token, uniform_value(row));
  }
  return chosen;
}

void RowsByExpert::sort(const std::int32_t* expert) {
  const auto rows = static_cast<std::int64_t>(rows_.size());
  std::fill(first_.begin(), first_.end(), 0);
  for (std::int64_t row = 0; row < rows; ++row) ++first_[static_cast<std::size_t>(expert[row])];
  // From the ends of the experts' rows down to their beginnings.
  std::int64_t end = 0;
  for (std::int64_t& first : first_) first = end += first;
  for (std::int64_t row = rows - 1; row >= 0; --row)
    rows_[static_cast<std::size_t>(--first_[static_cast<std::size_t>(expert[row])])] = row;
}

}  // namespace ergon
