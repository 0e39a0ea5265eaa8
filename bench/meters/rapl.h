// What both ways to Intel's and AMD's package counters (perf, powercap) share.
#pragma once

#include "bench/meters/meter.h"

namespace ergon {

/// Of the joules. Assumed, since no vendor states one: comparisons with outside instruments found a
/// few per cent for packages of Intel since Haswell (Hackenberg et al. 2015; Khan et al. 2018) and
/// more for memory (Desrochers et al. 2016); AMD's counters follow a model of activity (Schöne et
/// al. 2021).
constexpr double rapl_uncertainty(Scope scope) noexcept {
  return scope == Scope::package_dram ? 0.10 : 0.05;
}

}  // namespace ergon
