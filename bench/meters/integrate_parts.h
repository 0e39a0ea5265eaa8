// What both kinds of traces are integrated with.
#pragma once

#include <cmath>
#include <span>

#include "bench/meters/meter.h"

namespace ergon::integration {

using Readings = std::span<const Reading>;

/// Half-width of a 95 % interval in standard uncertainties.
inline constexpr double coverage_factor = 1.96;
/// Gaps beyond this share of the window make a trace too sparse.
inline constexpr double largest_gap = 0.25;

inline double seconds_between(const Reading& a, const Reading& b) { return b.seconds - a.seconds; }
inline double duration(Window window) { return window.end_seconds - window.start_seconds; }
inline double square(double x) { return x * x; }
/// Variance of what is anywhere within `width`, with equal odds.
inline double uniform_variance(double width) { return width * width / 12; }

/// `inside`: from the last reading at or before the window to the first one at or after it.
/// `after`: those that follow.
Maybe<Joules> of_counter(const MeterInfo& meter, Readings inside, Readings after, Window window);

/// `before` and `after` may tell of the window too, where a sensor trails.
Maybe<Joules> of_watts(const MeterInfo& meter, Readings before, Readings inside, Readings after,
                       Window window);

}  // namespace ergon::integration
