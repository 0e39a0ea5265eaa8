#include "bench/meters/power_trace.h"

#include <algorithm>

#include "bench/meters/integrate_parts.h"

namespace ergon {

std::vector<PowerPoint> power_trace(const MeterInfo& meter, const Trace& trace) {
  std::vector<PowerPoint> points;
  const Reading* last = nullptr;
  for (const Reading& reading : trace) {
    if (!reading.invalid.empty()) {
      last = nullptr;
      continue;
    }
    if (meter.quantity == Quantity::watts) {
      points.push_back({reading.seconds, reading.value});
      continue;
    }
    if (last == nullptr) {
      last = &reading;
      continue;
    }
    double joules = reading.value - last->value;
    if (joules < 0 && meter.counter_range_joules) joules += *meter.counter_range_joules;
    const double seconds = reading.seconds - last->seconds;
    // Two readings beside each other tell of a quantum or a period, not of power.
    if (joules <= 0 || seconds < 2 * meter.period_seconds.value_or(0)) continue;
    points.push_back({(reading.seconds + last->seconds) / 2, joules / seconds});
    last = &reading;
  }
  return points;
}

double trace_interval_seconds(const MeterInfo& meter) noexcept {
  constexpr double fine_seconds = 20e-3;
  const double usual = reading_interval_seconds(meter).value_or(fine_seconds);
  const double two_periods = 2 * meter.period_seconds.value_or(0);
  return std::min(usual, std::max({fine_seconds, two_periods,
                                   meter.read_seconds / integration::reading_share}));
}

}  // namespace ergon
