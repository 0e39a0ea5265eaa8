// Energy modelled from time and processor use, with the processor clock injected.
#pragma once

#include <functional>

#include "bench/meters/meter.h"

namespace ergon {

/// joules = idle * t + (full - idle) * CPU seconds / cores, both since the meter was opened.
/// `cpu_seconds` is the process's processor time over all its threads.
Probe open_modelled(const MeterContext& context, std::function<double()> cpu_seconds);

}  // namespace ergon
