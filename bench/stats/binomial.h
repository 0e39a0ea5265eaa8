// Exact tails of the fair binomial distribution, for order statistics and the sign test.
//
// Weights are taken relative to the most likely count, walking outwards, and divided by their sum:
// nothing overflows, and what underflows does not matter, for any n. Relative error about n *
// 1e-16.
#pragma once

#include <cstddef>

namespace ergon::stats {

/// P(X <= k) for X ~ Binomial(n, 1/2).
double fair_binomial_cdf(std::size_t n, std::size_t k) noexcept;

/// Largest r >= 0 with 2 * P(X < r) <= 1 - confidence: the rank from either end of the order
/// statistics that enclose the median. 0 where even the extremes do not reach `confidence`.
std::size_t median_rank(std::size_t n, double confidence) noexcept;

}  // namespace ergon::stats
