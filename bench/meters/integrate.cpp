// A trace and a window -> joules with an error, or a reason. Pure.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "bench/meters/integrate_parts.h"
#include "bench/meters/plausible.h"

namespace ergon {
namespace {

using namespace integration;

/// Readings per period of a counter that is slow enough to be watched; no whole number, so that
/// they do not meet its steps at the same place each time.
constexpr double readings_per_period = 7.4;
constexpr double slow_period_seconds = 4e-3;
/// Often enough to see a fast counter stop.
constexpr double periods_per_look = 10;
constexpr double least_look_seconds = 10e-3;
constexpr double readings_per_wrap = 2;
constexpr double least_interval_seconds = 1e-3;
constexpr double unknown_period_seconds = 0.1;
/// Steps of a watched counter, and readings of watts, that a window must hold at least.
constexpr double least_steps = 8;
constexpr double least_samples = 12;

/// Wide enough for the steps of a counter to be seen between readings.
bool watched(const MeterInfo& meter, double interval) {
  return meter.period_seconds && *meter.period_seconds >= slow_period_seconds &&
         interval <= *meter.period_seconds / 4;
}

}  // namespace

double lead_seconds(const MeterInfo& meter) noexcept {
  // A lag is known to a period.
  return 2 * meter.period_seconds.value_or(unknown_period_seconds) + meter.jitter_seconds +
         meter.averaging_seconds + meter.lag_seconds;
}

std::optional<double> reading_interval_seconds(const MeterInfo& meter) noexcept {
  const double least = std::max(meter.read_seconds / reading_share, least_interval_seconds);
  if (meter.quantity == Quantity::watts)
    return std::max(meter.period_seconds.value_or(unknown_period_seconds) + meter.jitter_seconds,
                    least);
  if (!meter.period_seconds || *meter.period_seconds <= 0) return std::nullopt;
  const double period = *meter.period_seconds;
  double interval = period >= slow_period_seconds
                        ? period / readings_per_period
                        : std::max(periods_per_look * period, least_look_seconds);
  if (meter.counter_range_joules)
    interval = std::min(interval,
                        *meter.counter_range_joules / most_watts(meter.scope) / readings_per_wrap);
  return std::max(interval, least);
}

Maybe<Joules> integrate(const MeterInfo& meter, const Trace& trace, Window window) {
  if (!std::isfinite(duration(window)) || duration(window) <= 0)
    return Absent{"the window is empty"};
  const auto earlier = [](const Reading& a, const Reading& b) { return a.seconds < b.seconds; };
  if (!std::is_sorted(trace.begin(), trace.end(), earlier))
    return Absent{"the readings are out of order in time"};
  const auto first =
      std::upper_bound(trace.begin(), trace.end(), Reading{window.start_seconds, 0, {}}, earlier);
  const auto last =
      std::lower_bound(trace.begin(), trace.end(), Reading{window.end_seconds, 0, {}}, earlier);
  if (first == trace.begin() || last == trace.end())
    return Absent{"the readings do not enclose the window"};
  const auto start = static_cast<std::size_t>(first - trace.begin()) - 1;
  const auto end = static_cast<std::size_t>(last - trace.begin());
  const Readings all(trace);
  const Readings inside = all.subspan(start, end - start + 1);
  for (const Reading& reading : inside) {
    if (!reading.invalid.empty()) return Absent{reading.invalid};
    if (!std::isfinite(reading.value)) return Absent{"a reading is not a number"};
  }
  return meter.quantity == Quantity::cumulative_joules
             ? of_counter(meter, inside, all.subspan(end + 1), window)
             : of_watts(meter, all.first(start), inside, all.subspan(end + 1), window);
}

Maybe<double> shortest_window_seconds(const MeterInfo& meter, double watts, double relative_error) {
  if (!(watts > 0) || !(relative_error > 0))
    return Absent{"a window's length needs watts and an error above zero"};
  if (!meter.period_seconds)
    return Absent{"the meter's period is not known: " + meter.period_seconds.reason()};
  const double period = *meter.period_seconds;
  if (meter.quantity == Quantity::cumulative_joules) {
    if (!meter.quantum_joules) return Absent{"the counter's quantum is not known"};
    const double quantum = *meter.quantum_joules / watts;  // in seconds of the power
    const double interval = reading_interval_seconds(meter).value_or(0);
    if (watched(meter, interval)) {
      const double ends = uniform_variance(std::min(quantum, period)) +
                          uniform_variance(interval + meter.read_seconds);
      return std::max(coverage_factor * std::sqrt(2 * ends) / relative_error,
                      least_steps * std::max(period, quantum) + lead_seconds(meter));
    }
    const double ends = uniform_variance(quantum) + uniform_variance(period) +
                        uniform_variance(meter.jitter_seconds) +
                        2 * uniform_variance(meter.read_seconds);
    return coverage_factor * std::sqrt(2 * ends) / relative_error;
  }
  const double step = std::sqrt(uniform_variance(meter.quantum_watts.value_or(0)));
  if (coverage_factor * step > relative_error * watts)
    return Absent{fmt::format("the sensor's step of {:.3g} W is too coarse for {:.3g} W",
                              meter.quantum_watts.value_or(0), watts)};
  const double apart = std::max(*reading_interval_seconds(meter), meter.averaging_seconds);
  return least_samples * apart + lead_seconds(meter);
}

}  // namespace ergon
