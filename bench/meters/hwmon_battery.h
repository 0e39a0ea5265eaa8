// Power drawn from a machine's batteries, as the power supply class tells it. Pure.
//
// Units: power_now in microwatts, current_now in microamperes, voltage_now in microvolts. Source:
// Documentation/ABI/testing/sysfs-class-power of the Linux kernel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/meters/sysfs.h"

namespace ergon::hwmon {

/// One folder of /sys/class/power_supply.
struct Supply {
  std::string name;  // "BAT0"
  std::map<std::string, FileText> files;
};

/// The files that battery_watts() looks at.
inline constexpr const char* supply_files[] = {"type",      "scope",       "status",     "online",
                                               "power_now", "current_now", "voltage_now"};

/// True for a battery of the machine; not one of a mouse (scope "Device").
bool is_battery(const Supply& supply);

/// What the machine draws from its batteries, all together. Absent, with the reason, where none
/// discharges, where one charges, and where a charger is connected: it may feed a part of the load.
Maybe<double> battery_watts(const std::vector<Supply>& supplies);

}  // namespace ergon::hwmon
