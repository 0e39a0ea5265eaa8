// Pure functions on samples. Every interval is an order-statistic interval: no distribution is
// assumed.
//
// Samples stand in the order in which they were taken: neighbours that resemble each other tell
// less than independent ones, and intervals are wider for it (dependence.h). What that cannot see
// is drift slower than the whole series: for an AR(1) series of 30 samples with coefficient 0.9 the
// 95 % interval holds the true median in 77 % of launches (without it: 41 %; simulated in
// tests/unit/stats/coverage.cpp). The interval over the medians of six or more launches keeps its
// coverage.
//
// Samples that are not finite, ratios of numbers that are not positive and pairs without a partner
// are refused with std::invalid_argument.
//
// Sources: David & Nagaraja, Order Statistics (3rd ed.), section 7.1, for the interval of a median;
// Hodges & Lehmann (1963) and Lehmann, Nonparametrics, for the shift between two samples.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/base/interval.h"

namespace ergon::stats {

/// How median_interval and launch_interval make their intervals. A record keeps it; another one
/// here means that the same samples give other intervals.
inline constexpr std::string_view interval_method = "order-statistic, widened by dependence/1";

/// What neighbours that resemble each other do to an interval. `ignored` is how intervals were made
/// before records named their method.
enum class Dependence { widens, ignored };

/// From here on launches are samples themselves: six medians are the fewest whose extremes enclose
/// the true one with 95 %.
inline constexpr std::size_t launches_that_are_samples = 6;

/// Requires at least one sample; the mean of the middle two where their number is even.
double median(std::span<const double> samples);

/// Linear interpolation between order statistics (type 7); 0 <= p <= 1, at least one sample.
double quantile(std::span<const double> samples, double p);

/// Narrowest symmetric pair of order statistics that holds the median with at least `confidence`,
/// by the exact binomial, moved outwards by the samples' dependence; nothing where there are too
/// few samples for it (under 6 for 0.95).
std::optional<Interval> median_interval(std::span<const double> samples, double confidence = 0.95,
                                        Dependence dependence = Dependence::widens);

/// Samples of one process launch each. One launch: median_interval of its samples. With six
/// launches or more: the interval of the launch medians. Two to five: the hull of the launches' own
/// intervals. `median` is that of the launch medians. Nothing without launches, or where a launch
/// whose interval is needed has too few samples; a launch without any sample is refused.
struct LaunchInterval {
  double median = 0;
  Interval interval;
  bool spans_launches = false;  // six or more; a hull of fewer is no 95 % interval over launches
};
std::optional<LaunchInterval> launch_interval(std::span<const std::vector<double>> launches,
                                              Dependence dependence = Dependence::widens);

/// Median of b[i] / a[i] over pairs, with its interval. Pairs come from the same round.
std::optional<Estimate> paired_ratio(std::span<const double> a, std::span<const double> b,
                                     double confidence = 0.95);

/// Shift of log(b) against log(a) as a ratio b / a: Hodges-Lehmann estimate with the interval that
/// inverts the rank-sum test (normal approximation with tie correction, widened by the samples'
/// dependence). For samples of two runs.
/// Nothing where the samples are too few (under 4 each for 0.95). Time grows with (n + m), not n *
/// m.
std::optional<Estimate> unpaired_ratio(std::span<const double> a, std::span<const double> b,
                                       double confidence = 0.95);

enum class Verdict { faster, slower, same, cannot_tell };
std::string_view name(Verdict verdict) noexcept;  // "cannot tell"
/// `ratio` is new time / old time; `margin` 0.02 means 2 %: from 1 / 1.02 to 1.02, so that swapping
/// the sides mirrors the verdict. same: the interval lies inside the margin. faster or slower: it
/// lies wholly outside on one side. Otherwise, and for an interval that is not a number,
/// cannot_tell.
Verdict verdict(const Estimate& ratio, double margin) noexcept;

/// Two-sided p-value of the sign test on paired ratios, equal pairs left out; information only.
double sign_test_p(std::span<const double> a, std::span<const double> b);

}  // namespace ergon::stats
