// How far samples taken one after the other depend on each other.
//
// The variance of a mean over a stationary series is that of independent samples times 1 + 2 sum of
// r_k, r_k being the autocorrelation at lag k. For the median the series is that of the samples'
// signs about it, for a rank sum that of their ranks. The sum ends where a pair of neighbouring
// lags is no longer positive (Geyer's initial positive sequence, Practical Markov Chain Monte
// Carlo, 1992), each r_k raised by 1 / n, its bias; it is empty where neighbours do not resemble
// each other.
#pragma once

#include <cstddef>
#include <span>

namespace ergon::stats {

/// That factor for the median, at least 1, of samples in the order in which they were taken.
double median_dependence(std::span<const double> in_order);
/// The same for the sum of their ranks.
double rank_dependence(std::span<const double> in_order);

/// `rank` from either end of n sorted samples, moved outwards: its distance from the middle grows
/// by the root of `factor`. At least 1, the extremes; 0 stays 0.
std::size_t widened_rank(std::size_t n, std::size_t rank, double factor) noexcept;

}  // namespace ergon::stats
