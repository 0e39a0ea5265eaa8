// What both kinds of traces are integrated with.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "bench/base/student.h"
#include "bench/meters/meter.h"

namespace ergon::integration {

using Readings = std::span<const Reading>;

/// Half-width of a 95 % interval in standard uncertainties.
inline constexpr double coverage_factor = student_limit;
/// Gaps beyond this share of the window make a trace too sparse.
inline constexpr double largest_gap = 0.25;
/// Reading takes at most this share of the time.
inline constexpr double reading_share = 0.01;

inline double seconds_between(const Reading& a, const Reading& b) { return b.seconds - a.seconds; }
inline double duration(Window window) { return window.end_seconds - window.start_seconds; }
inline double square(double x) { return x * x; }
/// Variance of what is anywhere within `width`, with equal odds.
inline double uniform_variance(double width) { return width * width / 12; }

/// A sensor stands still for longer than this only where it is broken, or little power flows.
inline double longest_still_seconds(const MeterInfo& meter) {
  constexpr double periods = 4;
  constexpr double least = 10e-3;
  const double period = meter.period_seconds.value_or(0) + meter.jitter_seconds;
  return std::max(periods * period, least) +
         (meter.quantity == Quantity::watts ? lead_seconds(meter) : 0);
}

/// Student's quantile over the normal one, for a scatter seen in n values.
inline double student_widening(std::size_t n) { return student_quantile(n - 1) / coverage_factor; }

/// `inside`: from the last reading at or before the window to the first one at or after it.
/// `after`: those that follow.
Maybe<Joules> of_counter(const MeterInfo& meter, Readings inside, Readings after, Window window);

/// For how long a counter must stand still after a window of so many watts to be known as broken.
double seconds_to_tell_broken(const MeterInfo& meter, double watts);

/// `before` and `after` may tell of the window too, where a sensor trails.
Maybe<Joules> of_watts(const MeterInfo& meter, Readings before, Readings inside, Readings after,
                       Window window);

}  // namespace ergon::integration
