#include "bench/meters/hwmon_battery.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

namespace ergon::hwmon {
namespace {

constexpr double watts_per_microwatt = 1e-6;
constexpr double watts_per_micro_micro = 1e-12;

FileText file_of(const Supply& supply, const std::string& name) {
  const auto found = supply.files.find(name);
  return found != supply.files.end() ? found->second
                                     : FileText{printable(supply.name) + "/" + name, {}, ENOENT};
}

/// Some drivers count a discharging current below zero.
Maybe<double> watts_of(const Supply& battery) {
  const FileText power = file_of(battery, "power_now");
  if (power.error == 0) {
    const auto microwatts = number_of(power);
    if (!microwatts) return microwatts;
    return std::abs(*microwatts) * watts_per_microwatt;
  }
  if (power.error != ENOENT) return Absent{power.reason()};
  const auto microamperes = number_of(file_of(battery, "current_now"));
  if (!microamperes) return microamperes;
  const auto microvolts = number_of(file_of(battery, "voltage_now"));
  if (!microvolts) return microvolts;
  return std::abs(*microamperes * *microvolts) * watts_per_micro_micro;
}

}  // namespace

bool is_battery(const Supply& supply) {
  return file_of(supply, "type").text == "Battery" && file_of(supply, "scope").text != "Device";
}

Maybe<double> battery_watts(const std::vector<Supply>& supplies) {
  double watts = 0;
  bool discharging = false;
  for (const Supply& supply : supplies) {
    if (!is_battery(supply)) {
      const FileText scope = file_of(supply, "scope");
      if (file_of(supply, "online").text == "1" && scope.text != "Device")
        return Absent{"a charger (" + printable(supply.name) +
                      ") is connected: the battery tells only what it adds"};
      continue;
    }
    const auto status = text_of(file_of(supply, "status"));
    if (!status) return Absent{status.reason()};
    if (*status == "Charging") return Absent{printable(supply.name) + " is charging"};
    if (*status != "Discharging") continue;
    const auto one = watts_of(supply);
    if (!one) return one;
    watts += *one;
    discharging = true;
  }
  if (!discharging) return Absent{"no battery is discharging"};
  return watts;
}

}  // namespace ergon::hwmon
