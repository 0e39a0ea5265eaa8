// Bounds that tell a fault from a figure. Far outside what exists, since all they have to do is to
// refuse the impossible: a counter that was reset, a sentinel, a second wrap between two readings.
#pragma once

#include <string>

#include "bench/meters/meter.h"

namespace ergon {

/// Eight sockets of 500 W, sixteen accelerators of 1.2 kW and a node that holds them draw less.
constexpr double most_watts(Scope scope) noexcept {
  switch (scope) {
    case Scope::core:
    case Scope::package:
    case Scope::package_dram:
      return 5e3;
    case Scope::board:
      return 2e4;
    case Scope::node:
    case Scope::wall:
      break;
  }
  return 5e4;
}

/// Any processor that runs a measurement draws more.
inline constexpr double least_watts = 0.1;

/// Empty, or why `watts` is no power: a sentinel for 'not known', below zero, or more than any
/// machine draws. 0 W is taken for a power: only a whole trace tells whether it is one.
std::string fault_of_power(double watts, Scope scope);

}  // namespace ergon
