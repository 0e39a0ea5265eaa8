// What hwmon, ACPI meters, rails and batteries may hold: whatever the bytes, each sensor has a
// description that a record can hold, and yields a power or joules, or a reason of one line.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/meters/hwmon_battery.h"
#include "bench/meters/hwmon_chip.h"
#include "bench/meters/plausible.h"
#include "tests/fuzz/fuzz.h"

namespace ergon::hwmon {
namespace {

void expect_plain(std::string_view text) {
  fuzz::expect(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }),
               [&] { return "a text that no record holds: " + std::string(text); });
}

/// Often what a sensor says, sometimes anything.
FileText text_in(fuzz::Choices& choices, const std::string& path) {
  static const std::vector<std::string> usual = {
      "",       "0",    "1",        "-1",      "12000000",      "4294967295",
      "1e308",  "nan",  "5000",     "card",    "pkg",           "Esocket0",
      "VDD_IN", "NC",   "GPU",      "Battery", "Discharging",   "Module Power Socket 0",
      "95.0%",  "100%", "Charging", "Device",  "4294967295000", "Grace Power Socket 1",
  };
  FileText file{path, {}, 0};
  switch (choices.below(4)) {
    case 0:
      for (int i = choices.below(48); i > 0; --i) file.text += static_cast<char>(choices.byte());
      break;
    case 1:
      file.error = choices.below(16);
      break;
    default:
      file.text = choices.of(usual);
  }
  return file;
}

Chip chip_in(fuzz::Choices& choices, const std::string& name, int number) {
  static const std::vector<std::string> files = {
      "power1_input",      "power1_average",  "power1_average_interval",
      "power1_oem_info",   "power1_accuracy", "power1_label",
      "power1_is_battery", "energy1_input",   "energy1_label",
      "energy2_input",     "energy2_label",   "in1_input",
      "in1_label",         "in1_enable",      "curr1_input",
      "shunt1_resistor",   "in2_input",       "in2_label",
      "curr2_input",       "update_interval", "rail_name_0",
      "in_power0_input"};
  Chip chip{name, number, {}};
  for (const std::string& file : files)
    if (choices.below(3) != 0) chip.files.emplace(file, text_in(choices, "/chip/" + file));
  return chip;
}

void check(const Plan& plan, fuzz::Choices& choices) {
  for (const Unavailable& none : plan.left_out) {
    expect_plain(none.meter);
    expect_plain(none.reason);
    fuzz::expect(!none.reason.empty(), [] { return "left out without a reason"; });
  }
  for (const Sensor& sensor : plan.sensors) {
    const MeterInfo& info = sensor.info;
    expect_plain(info.id);
    expect_plain(info.about);
    fuzz::expect(std::isfinite(info.relative_uncertainty) && info.relative_uncertainty > 0 &&
                     std::isfinite(info.averaging_seconds) && info.averaging_seconds >= 0,
                 [&] { return info.id + " has no sensible uncertainty or window"; });
    std::vector<FileText> texts;
    for (const std::string& path : paths_of(sensor)) texts.push_back(text_in(choices, path));
    const auto value = value_of(sensor, texts);
    expect_plain(value.reason());
    fuzz::expect(!value || std::isfinite(*value), [&] { return info.id + " is not a number"; });
    const bool positive = sensor.terms.size() == 1 && sensor.terms.front().paths.size() == 1;
    fuzz::expect(!value || !positive || *value >= 0, [&] { return info.id + " is below zero"; });
    if (value && positive && info.quantity == Quantity::watts)
      fuzz::expect(fault_of_power(*value, info.scope).empty(),
                   [&] { return info.id + " is no power"; });
  }
}

void check_batteries(fuzz::Choices& choices) {
  std::vector<Supply> supplies(static_cast<std::size_t>(choices.below(4)));
  for (Supply& supply : supplies) {
    supply.name = text_in(choices, "").text;
    for (const char* file : supply_files)
      if (choices.below(4) != 0) supply.files.emplace(file, text_in(choices, file));
  }
  const auto watts = battery_watts(supplies);
  expect_plain(watts.reason());
  fuzz::expect(!watts || *watts >= 0, [] { return "a battery of less than nothing"; });
}

}  // namespace
}  // namespace ergon::hwmon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  fuzz::Choices choices(data, size);
  static const std::vector<std::string> names = {"amdgpu",     "i915",     "xe",   "nouveau",
                                                 "amd_energy", "i915_gt0", "a\xff"};
  hwmon::check(hwmon::plan_of(hwmon::chip_in(choices, choices.of(names), 0)), choices);
  std::vector<hwmon::Chip> meters, rails;
  for (int i = choices.below(4); i > 0; --i) {
    meters.push_back(hwmon::chip_in(choices, "power_meter", i));
    rails.push_back(hwmon::chip_in(choices, "ina3221", i));
  }
  hwmon::check(hwmon::plan_of_acpi(meters), choices);
  hwmon::check(hwmon::plan_of_rails(rails), choices);
  hwmon::check_batteries(choices);
  return 0;
}
