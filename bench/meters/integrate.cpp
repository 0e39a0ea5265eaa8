// A trace and a window -> joules with an error, or a reason. Pure.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/meter.h"
#include "bench/meters/plausible.h"

namespace ergon {
namespace {

using Readings = std::span<const Reading>;

/// Gaps beyond this share of the window make a trace too sparse.
constexpr double largest_gap = 0.25;
/// A counter stands still where more than this many quanta were due at a tenth of its own power,
/// over more than this many periods.
constexpr double due_quanta = 10;
constexpr double due_periods = 10;
constexpr double idle_share = 0.1;
/// What ACPI and hwmon say for 'not known': 32 bits of ones, in milliwatts or in microwatts.
constexpr double sentinel_watts[] = {4294967.295, 4294.967295};
constexpr double sentinel_tolerance = 1e-6;

double seconds_between(const Reading& a, const Reading& b) { return b.seconds - a.seconds; }

double duration(Window window) { return window.end_seconds - window.start_seconds; }

/// The readings from the last one at or before the window to the first one at or after it.
Maybe<Readings> enclosing(const Trace& trace, Window window) {
  if (!std::isfinite(duration(window)) || duration(window) <= 0)
    return Absent{"the window is empty"};
  const auto earlier = [](const Reading& a, const Reading& b) { return a.seconds < b.seconds; };
  if (!std::is_sorted(trace.begin(), trace.end(), earlier))
    return Absent{"the readings are out of order in time"};
  auto first =
      std::upper_bound(trace.begin(), trace.end(), Reading{window.start_seconds, 0, {}}, earlier);
  auto last =
      std::lower_bound(trace.begin(), trace.end(), Reading{window.end_seconds, 0, {}}, earlier);
  if (first == trace.begin() || last == trace.end())
    return Absent{"the readings do not enclose the window"};
  const Readings used(&*std::prev(first), static_cast<std::size_t>(last - first) + 2);
  for (const Reading& reading : used) {
    if (!reading.invalid.empty()) return Absent{reading.invalid};
    if (!std::isfinite(reading.value)) return Absent{"a reading is not a number"};
  }
  return used;
}

/// Index of the pair of neighbours that holds `seconds`.
std::size_t pair_at(Readings readings, double seconds) {
  std::size_t pair = 0;
  while (pair + 2 < readings.size() && readings[pair + 1].seconds <= seconds) ++pair;
  return pair;
}

// ---- cumulative joules

struct Counter {
  double quantum_joules;
  double period_seconds;
  Maybe<double> range_joules;
  double most_watts;
};

/// What the counter gained from one reading to the next, or why that cannot be known.
Maybe<double> gain(const Counter& counter, const Reading& from, const Reading& to) {
  const double apart = seconds_between(from, to);
  if (counter.range_joules && apart * counter.most_watts > *counter.range_joules)
    return Absent{
        fmt::format("readings lie {:.3g} s apart, in which the counter may wrap more than "
                    "once (its range is {:.4g} J)",
                    apart, *counter.range_joules)};
  double joules = to.value - from.value;
  if (joules < 0 && !counter.range_joules)
    return Absent{
        fmt::format("the counter goes backwards by {:.4g} J and has no known range", -joules)};
  if (joules < 0) joules += *counter.range_joules;
  if (joules < 0) return Absent{"the counter goes backwards by more than its range"};
  const double most = counter.most_watts * (apart + 2 * counter.period_seconds);
  if (joules > most + 2 * counter.quantum_joules)
    return Absent{
        fmt::format("the counter jumps by {:.4g} J within {:.3g} s, more than any machine "
                    "draws: it was reset, or is no counter",
                    joules, apart)};
  return joules;
}

/// The readings with values that start at 0 and never fall.
Maybe<Trace> unwrapped(const Counter& counter, Readings readings) {
  Trace rising(readings.begin(), readings.end());
  rising.front().value = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    const auto joules = gain(counter, readings[i - 1], readings[i]);
    if (!joules) return Absent{joules.reason()};
    rising[i].value = rising[i - 1].value + *joules;
  }
  return rising;
}

/// Empty, or for how long the counter stood still while it should have moved.
std::string standstill(const Counter& counter, const Trace& rising) {
  const double all_seconds = seconds_between(rising.front(), rising.back());
  std::size_t first = 0;
  for (std::size_t i = 1; i < rising.size(); ++i) {
    if (rising[i].value != rising[first].value) first = i;
    const double still = seconds_between(rising[first], rising[i]);
    const double moving = all_seconds - still;
    const double usual = moving > 0 ? rising.back().value / moving : 0;
    const double due = std::max(usual * idle_share, least_watts) * still;
    if (still > due_periods * counter.period_seconds && due > due_quanta * counter.quantum_joules)
      return fmt::format("the counter stands still for {:.3g} s while it should move", still);
  }
  return {};
}

/// The counter's value at one end of the window.
struct End {
  double joules = 0;
  double watts = 0;        // between the enclosing readings, over at least one period
  double gap_seconds = 0;  // to the nearest reading
  double gap_joules = 0;   // how far interpolation may be off
};

End end_at(const Counter& counter, const Trace& rising, double seconds) {
  const std::size_t pair = pair_at(rising, seconds);
  const Reading& before = rising[pair];
  const Reading& after = rising[pair + 1];
  const double apart = seconds_between(before, after);
  const double joules = after.value - before.value;
  if (apart <= 0) return {after.value, 0, 0, 0};
  const double gap = std::min(seconds - before.seconds, after.seconds - seconds);
  return {before.value + joules * ((seconds - before.seconds) / apart),
          joules / std::max(apart, counter.period_seconds), gap, joules * (gap / apart)};
}

Maybe<Joules> from_counter(const MeterInfo& meter, Readings readings, Window window) {
  if (!meter.quantum_joules || !meter.period_seconds)
    return Absent{"the counter's quantum and period are not known, so neither is its error"};
  const Counter counter{*meter.quantum_joules, *meter.period_seconds, meter.counter_range_joules,
                        most_watts(meter.scope)};
  const auto rising = unwrapped(counter, readings);
  if (!rising) return Absent{rising.reason()};
  if (std::string still = standstill(counter, *rising); !still.empty()) return Absent{still};
  const End start = end_at(counter, *rising, window.start_seconds);
  const End end = end_at(counter, *rising, window.end_seconds);
  if (start.gap_seconds + end.gap_seconds > largest_gap * duration(window))
    return Absent{
        fmt::format("too sparse: the nearest readings lie {:.3g} s and {:.3g} s from the "
                    "ends of a window of {:.3g} s",
                    start.gap_seconds, end.gap_seconds, duration(window))};
  Joules joules{end.joules - start.joules, 0};
  if (joules.value <= 0) return Absent{"the window is too short for the counter to move"};
  const double mean_watts = joules.value / duration(window);
  for (const End& side : {start, end})
    joules.error +=
        counter.quantum_joules + side.gap_joules +
        (counter.period_seconds + meter.read_seconds / 2) * std::max(mean_watts, side.watts);
  return joules;
}

// ---- watts

std::string fault_of_watts(const MeterInfo& meter, Readings readings) {
  bool any = false;
  for (const Reading& reading : readings) {
    const double watts = reading.value;
    for (const double sentinel : sentinel_watts)
      if (std::abs(watts - sentinel) < sentinel_tolerance)
        return "the sensor answers with its sentinel for 'not known'";
    if (watts < 0) return fmt::format("the sensor says {:.4g} W", watts);
    if (watts > most_watts(meter.scope))
      return fmt::format("the sensor says {:.4g} W, more than any machine draws", watts);
    any = any || watts > 0;
  }
  return any ? std::string() : "the sensor says 0 W throughout";
}

/// Largest distance between two neighbours.
double widest_gap(Readings readings) {
  double widest = 0;
  for (std::size_t i = 1; i < readings.size(); ++i)
    widest = std::max(widest, seconds_between(readings[i - 1], readings[i]));
  return widest;
}

/// The trapezoid of one pair of neighbours, cut to the window.
Joules trapezoid(const Reading& from, const Reading& to, Window window) {
  const double apart = seconds_between(from, to);
  const double start = std::max(from.seconds, window.start_seconds);
  const double end = std::min(to.seconds, window.end_seconds);
  if (apart <= 0 || end <= start) return {};
  const double slope = (to.value - from.value) / apart;
  const double middle = from.value + slope * ((start + end) / 2 - from.seconds);
  const bool whole = end - start == apart;
  return {middle * (end - start),
          std::abs(to.value - from.value) * (end - start) * (whole ? 0.5 : 1.0)};
}

/// Highest less lowest of the valid readings from a period before the window to a period after it,
/// as far as the trace goes: a change is seen up to a period late.
double spread_around(const Trace& trace, Window window, double period) {
  double low = HUGE_VAL;
  double high = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const bool early = i + 1 < trace.size() && trace[i + 1].seconds < window.start_seconds - period;
    const bool late = i > 0 && trace[i - 1].seconds > window.end_seconds + period;
    if (early || late || !trace[i].invalid.empty() || !std::isfinite(trace[i].value)) continue;
    low = std::min(low, trace[i].value);
    high = std::max(high, trace[i].value);
  }
  return high - low;
}

Maybe<Joules> from_watts(const MeterInfo& meter, const Trace& trace, Readings readings,
                         Window window) {
  if (std::string fault = fault_of_watts(meter, readings); !fault.empty()) return Absent{fault};
  const double gap = widest_gap(readings);
  if (gap > largest_gap * duration(window))
    return Absent{
        fmt::format("too sparse: readings lie up to {:.3g} s apart in a window of {:.3g} s", gap,
                    duration(window))};
  Joules joules;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    const Joules piece = trapezoid(readings[i - 1], readings[i], window);
    joules.value += piece.value;
    joules.error += piece.error;
  }
  const double period = meter.period_seconds.value_or(gap);
  joules.error += 2 * (period + meter.read_seconds / 2) * spread_around(trace, window, period);
  if (meter.quantum_joules && period > 0)
    joules.error += *meter.quantum_joules / period * duration(window);
  return joules;
}

}  // namespace

Maybe<Joules> integrate(const MeterInfo& meter, const Trace& trace, Window window) {
  const auto readings = enclosing(trace, window);
  if (!readings) return Absent{readings.reason()};
  return meter.quantity == Quantity::cumulative_joules
             ? from_counter(meter, *readings, window)
             : from_watts(meter, trace, *readings, window);
}

Maybe<double> shortest_window_seconds(const MeterInfo& meter, double watts, double relative_error) {
  if (!(watts > 0) || !(relative_error > 0))
    return Absent{"a window's length needs watts and an error above zero"};
  if (!meter.period_seconds) return Absent{"the meter's period is not known"};
  // A reading beside the window lies half a read away from it, and is known to half a read.
  const double ends = 2 * (*meter.period_seconds + meter.read_seconds);
  if (meter.quantity == Quantity::cumulative_joules) {
    if (!meter.quantum_joules) return Absent{"the counter's quantum is not known"};
    return (ends + 2 * *meter.quantum_joules / watts) / relative_error;
  }
  const double step_watts =
      *meter.period_seconds > 0 ? meter.quantum_joules.value_or(0) / *meter.period_seconds : 0;
  const double left = relative_error - step_watts / watts;
  if (left <= 0)
    return Absent{
        fmt::format("the sensor's step of {:.3g} W is too coarse for {:.3g} W", step_watts, watts)};
  return ends / left;
}

}  // namespace ergon
