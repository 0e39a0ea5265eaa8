#include "bench/meters/plausible.h"

#include <cmath>

#include <fmt/format.h>

namespace ergon {
namespace {

/// What ACPI and hwmon say for 'not known': 32 bits of ones, in milliwatts or in microwatts.
constexpr double sentinel_watts[] = {4294967.295, 4294.967295};
constexpr double sentinel_tolerance = 1e-6;

}  // namespace

std::string fault_of_power(double watts, Scope scope) {
  for (const double sentinel : sentinel_watts)
    if (std::abs(watts - sentinel) < sentinel_tolerance)
      return "the sensor answers with its sentinel for 'not known'";
  if (!std::isfinite(watts)) return "the sensor's value is not a number";
  if (watts < 0) return fmt::format("the sensor says {:.4g} W", watts);
  if (watts > most_watts(scope))
    return fmt::format("the sensor says {:.4g} W, more than any machine draws", watts);
  return {};
}

}  // namespace ergon
