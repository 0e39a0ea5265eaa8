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
/// A sensor that repeats itself so many times as often as it ever did, and some, has stopped.
constexpr int repeats_margin = 4;
constexpr int repeats_more = 8;

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
      const bool early = reading.seconds - reading.slack_seconds - trailing <
                         window.start_seconds - window.lead_seconds;
      const bool outside =
          reading.seconds < window.start_seconds ||
          reading.seconds + reading.slack_seconds > window.end_seconds + meter.lag_seconds;
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

int longest_repeat(const std::vector<Reading>& readings) {
  int longest = 1;
  int now = 1;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    now = readings[i].value == readings[i - 1].value ? now + 1 : 1;
    longest = std::max(longest, now);
  }
  return longest;
}

/// Student's 97.5 % quantile over the normal one, for n - 1 degrees of freedom; within 1 % of it
/// from n = 4 on (Cornish-Fisher expansion, Abramowitz & Stegun 26.7.5).
double student_widening(std::size_t n) {
  const double z = coverage_factor;
  const auto f = static_cast<double>(n - 1);
  const double z2 = z * z;
  return 1 + (z2 + 1) / (4 * f) + ((5 * z2 + 16) * z2 + 3) / (96 * f * f) +
         (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * f * f * f);
}

}  // namespace

Maybe<Joules> of_watts(const MeterInfo& meter, Readings before, Readings inside, Readings after,
                       Window window) {
  if (std::string fault = fault_of(meter, inside); !fault.empty()) return Absent{fault};
  const std::vector<Reading> readings = telling(meter, before, inside, after, window);
  if (readings.size() < least_readings)
    return Absent{fmt::format("too sparse: {} readings tell of the window alone, {} are the fewest",
                              readings.size(), least_readings)};
  const double gap = widest_gap(readings, window);
  if (gap > largest_gap * duration(window))
    return Absent{
        fmt::format("too sparse: readings lie up to {:.3g} s apart in a window of {:.3g} s", gap,
                    duration(window))};
  if (meter.most_repeats &&
      longest_repeat(readings) > repeats_margin * *meter.most_repeats + repeats_more)
    return Absent{fmt::format("the sensor repeats one value {} times, at most {} before",
                              longest_repeat(readings), *meter.most_repeats)};
  const double span = seconds_between(readings.front(), readings.back());
  if (!(span > 0)) return Absent{"the readings are of one moment"};
  const auto n = static_cast<double>(readings.size());
  double area = 0;
  double differences = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    area += (readings[i].value + readings[i - 1].value) / 2 *
            seconds_between(readings[i - 1], readings[i]);
    differences += square(readings[i].value - readings[i - 1].value);
  }
  const double mean = area / span;
  const double scatter = differences / 2 / (n - 1);  // squared
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
      std::max(0.0, uniform_variance(meter.quantum_watts.value_or(0)) - scatter / 3);
  const double variance =
      (scatter / n + scatter / along * square(shift)) * square(student_widening(readings.size())) +
      step + square(slope) * uniform_variance(period);
  return Joules{watts * duration(window), coverage_factor * std::sqrt(variance) * duration(window)};
}

}  // namespace ergon::integration
