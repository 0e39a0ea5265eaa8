// Watts over time, to look at.
#pragma once

#include <vector>

#include "bench/meters/meter.h"

namespace ergon {

struct PowerPoint {
  double seconds = 0;  // on the clock; of a counter halfway between two readings
  double watts = 0;
};

/// Watts as they were read, or between readings of a counter that it moved between. Readings that
/// do not count are left out.
std::vector<PowerPoint> power_trace(const MeterInfo& meter, const Trace& trace);

/// Seconds between readings of a trace to look at: 20 ms, or what the meter allows.
double trace_interval_seconds(const MeterInfo& meter) noexcept;

}  // namespace ergon
