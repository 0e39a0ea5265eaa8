// Published watts per core, scaled to the cores this process may use.
#pragma once

#include "bench/base/maybe.h"
#include "bench/config/power.h"
#include "bench/meters/meter.h"

namespace ergon::measure {

struct UsableCores {
  int processors = 1;                    // logical
  Maybe<int> cores = Absent{"unknown"};  // that they are threads of
  bool guest = false;                    // under a hypervisor
};

/// By physical cores. Where each processor looks like a core of its own and may not be (a guest is
/// rarely told; or the topology is not known), the low end is that of two threads per core.
PowerModel scale_power(const config::PowerFigures& figures, const UsableCores& usable);

}  // namespace ergon::measure
