// Joules from readings of watts.
#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/integrate_parts.h"
#include "bench/meters/plausible.h"

namespace ergon::integration {
namespace {

constexpr std::size_t least_readings = 4;
/// Power that is still so much lower at first, for certain, is not what the load draws.
constexpr double largest_rise = 0.1;
constexpr double certain_errors = 3;

std::string fault_of(const MeterInfo& meter, Readings readings) {
  bool any = false;
  for (const Reading& reading : readings) {
    if (std::string fault = fault_of_power(reading.value, meter.scope); !fault.empty())
      return fault;
    any = any || reading.value > 0;
  }
  return any ? std::string() : "the sensor says 0 W throughout";
}

/// The readings that tell of nothing but the computation, in a trace cut to it.
std::vector<Reading> telling(const MeterInfo& meter, Readings before, Readings inside,
                             Readings after, Window window) {
  const double trailing = lead_seconds(meter);
  std::vector<Reading> out;
  for (const Readings part : {before, inside, after})
    for (const Reading& reading : part) {
      const double slack = reading.slack_seconds + meter.clock_error_seconds;
      const bool early =
          reading.seconds - slack - trailing < window.start_seconds - window.lead_seconds;
      const bool outside = reading.seconds < window.start_seconds ||
                           reading.seconds + slack > window.end_seconds + meter.lag_seconds;
      if (!early && !outside && reading.invalid.empty() && std::isfinite(reading.value))
        out.push_back(reading);
    }
  return out;
}

/// Largest distance between two neighbours, and from the ends of what they should cover.
double widest_gap(const std::vector<Reading>& readings, Window window) {
  double widest = 0;
  for (std::size_t i = 1; i < readings.size(); ++i)
    widest = std::max(widest, seconds_between(readings[i - 1], readings[i]));
  return std::max(widest, window.end_seconds - readings.back().seconds);
}

/// For how long the last reading is repeated.
double repeated_seconds(Readings inside, Readings after) {
  double seconds = 0;
  for (const Reading& reading : after) {
    if (!reading.invalid.empty() || reading.value != inside.back().value) break;
    seconds = seconds_between(inside.back(), reading);
  }
  return seconds;
}

/// Half the mean squared difference of readings that are `apart` places apart.
double half_square_apart(const std::vector<Reading>& readings, std::size_t apart) {
  double sum = 0;
  for (std::size_t i = apart; i < readings.size(); ++i)
    sum += square(readings[i].value - readings[i - apart].value);
  return sum / 2 / static_cast<double>(readings.size() - apart);
}

/// Empty, or by how much the readings rise from the window's first quarter to its last: what a
/// sensor shows that trails by more than it says, and so still tells of the time before.
std::string rise_of(const std::vector<Reading>& readings, double mean) {
  const std::size_t quarter = readings.size() / 4;
  double first = 0;
  double last = 0;
  for (std::size_t i = 0; i < quarter; ++i) {
    first += readings[i].value / static_cast<double>(quarter);
    last += readings[readings.size() - 1 - i].value / static_cast<double>(quarter);
  }
  const double error = std::sqrt(2 * half_square_apart(readings, 1) / static_cast<double>(quarter));
  const double rise = last - first;
  if (rise <= largest_rise * mean || rise <= certain_errors * error) return {};
  return fmt::format(
      "the readings rise by {:.0f} % within the window: the sensor trails by more than is known "
      "of it, or the load is not steady",
      100 * rise / mean);
}

struct Scatter {
  double near = 0;  // variance by which neighbours differ
  double each = 0;  // variance of what one reading adds to a line through them
  double mean = 0;  // variance of their mean as that of the window
};

/// Neighbours that share most of what they average differ little by power's own noise, and by all
/// of the sensor's; readings of which nothing is shared differ by both. The sensor's noise averages
/// out over the readings; power's own is seen but for the ends, where it is averaged in part.
Scatter scatter_of(const MeterInfo& meter, const std::vector<Reading>& readings) {
  const auto n = static_cast<double>(readings.size());
  const double spacing = seconds_between(readings.front(), readings.back()) / (n - 1);
  const double near = half_square_apart(readings, 1);
  const auto shared = static_cast<std::size_t>(std::lround(meter.averaging_seconds / spacing));
  const std::size_t apart = std::min(shared, readings.size() / 2);
  if (apart < 2) return {near, near, near / n};
  const auto steps = static_cast<double>(apart);
  const auto box = static_cast<double>(shared);
  // Half squared differences: sensor + slice * k, k places apart; a slice weighs 1 / box.
  const double slice = std::max(0.0, half_square_apart(readings, apart) - near) / (steps - 1);
  const double sensor = std::max(0.0, near - slice);
  const double ends = slice * square(box) * (2.0 / 3) * box / square(n);
  return {near, sensor + slice * square(box), sensor / n + ends};
}

}  // namespace

Maybe<Joules> of_watts(const MeterInfo& meter, Readings before, Readings inside, Readings after,
                       Window window) {
  if (std::string fault = fault_of(meter, inside); !fault.empty()) return Absent{fault};
  const std::vector<Reading> readings = telling(meter, before, inside, after, window);
  if (readings.size() < least_readings)
    return Absent{fmt::format("too sparse: {} readings tell of the window alone, {} are the fewest",
                              readings.size(), least_readings)};
  // Of a sensor that lags, some come after the window.
  if (std::string fault = fault_of(meter, readings); !fault.empty()) return Absent{fault};
  const double gap = widest_gap(readings, window);
  if (gap > largest_gap * duration(window))
    return Absent{
        fmt::format("too sparse: readings lie up to {:.3g} s apart in a window of {:.3g} s", gap,
                    duration(window))};
  if (const double still = repeated_seconds(inside, after);
      window.ends_load && still > longest_still_seconds(meter))
    return Absent{
        fmt::format("the sensor repeats one value for {:.3g} s though the load has ended", still)};
  const double span = seconds_between(readings.front(), readings.back());
  if (!(span > 0)) return Absent{"the readings are of one moment"};
  double area = 0;
  for (std::size_t i = 1; i < readings.size(); ++i)
    area += (readings[i].value + readings[i - 1].value) / 2 *
            seconds_between(readings[i - 1], readings[i]);
  const double mean = area / span;
  if (std::string rise = rise_of(readings, mean); !rise.empty()) return Absent{rise};
  const Scatter scatter = scatter_of(meter, readings);
  // Readings trail the window: the mean follows the least-squares line to its middle.
  const double middle = (readings.front().seconds + readings.back().seconds) / 2;
  double across = 0;
  double along = 0;
  for (const Reading& reading : readings) {
    across += (reading.seconds - middle) * (reading.value - mean);
    along += square(reading.seconds - middle);
  }
  const double period = meter.period_seconds.value_or(0);
  const double trailing = meter.lag_seconds + (meter.averaging_seconds + period) / 2;
  const double shift = (window.start_seconds + window.end_seconds) / 2 - (middle - trailing);
  const double slope = across / along;
  const double watts = mean + slope * shift;
  const double step =
      std::max(0.0, uniform_variance(meter.quantum_watts.value_or(0)) - scatter.near / 3);
  const double widening = square(student_widening(readings.size()));
  const double variance = (scatter.mean + scatter.each / along * square(shift)) * widening + step +
                          square(slope) * uniform_variance(period);
  return Joules{watts * duration(window), coverage_factor * std::sqrt(variance) * duration(window)};
}

}  // namespace ergon::integration
