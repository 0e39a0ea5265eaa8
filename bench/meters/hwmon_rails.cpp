// The rails of NVIDIA Jetson modules, measured by INA3221: three channels of bus voltage (inN) and
// current (currN) a chip.
//
// Rails are summed only where it is known which contains which. VDD_IN and POM_5V_IN are the input
// of all others, and are taken alone (NVIDIA developer forum, topics 73608 and 200883). AGX Xavier
// has no such rail: its six are the inputs of as many supplies, side by side (Jetson AGX Xavier
// Product Design Guide, DG-09840, 5.6.2). Others (AGX Orin's) are refused.
//
// Sources: Documentation/hwmon/ina3221.rst; TI SBOS576 for the steps. Older kernels of NVIDIA's
// have their own driver ina3221x, with rail_name_N and in_powerN_input in milliwatts.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/meters/hwmon_chip.h"

namespace ergon::hwmon {
namespace {

constexpr double watts_per_milli_milli = 1e-6;
constexpr double watts_per_milliwatt = 1e-3;
constexpr double seconds_per_millisecond = 1e-3;
constexpr double shunt_step_microvolts = 40;
/// Shunts of 1 % (DG-09840), 80 uV of offset across them (SBOS576), which is more of a small draw.
constexpr double uncertainty = 0.05;

constexpr std::string_view totals[] = {"VDD_IN", "POM_5V_IN"};
const std::set<std::string>& agx_xavier() {
  static const std::set<std::string> rails = {"GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"};
  return rails;
}

struct Rail {
  std::string label;
  Term term;
  Maybe<double> period_seconds = Absent{"the driver does not tell"};
  Maybe<double> quantum_watts = Absent{"the shunt is not told"};
};

/// The step of the current, at the voltage there is.
Maybe<double> step_of(const Chip& chip, int channel) {
  const auto shunt = number_of(chip.at(fmt::format("shunt{}_resistor", channel)));  // microohms
  const auto volts = number_of(chip.at(fmt::format("in{}_input", channel)));        // millivolts
  if (!shunt || !volts || !(*shunt > 0) || !(*volts > 0)) return Absent{"the shunt is not told"};
  return shunt_step_microvolts / *shunt * *volts * 1e-3;
}

bool is_used(const std::string& label) { return !label.empty() && label != "NC"; }

void add_channels(const Chip& chip, std::vector<Rail>& rails) {
  for (int channel = 1; channel <= 3; ++channel) {
    const std::string voltage = fmt::format("in{}_input", channel);
    const std::string current = fmt::format("curr{}_input", channel);
    const std::string label = chip.at(fmt::format("in{}_label", channel)).text;
    const bool off = chip.at(fmt::format("in{}_enable", channel)).text == "0";
    if (off || !is_used(label) || !chip.has(voltage) || !chip.has(current)) continue;
    Rail rail{printable(label),
              {{chip.at(voltage).path, chip.at(current).path}, watts_per_milli_milli}};
    const auto interval = number_of(chip.at("update_interval"));
    if (interval && *interval > 0) rail.period_seconds = *interval * seconds_per_millisecond;
    rail.quantum_watts = step_of(chip, channel);
    rails.push_back(std::move(rail));
  }
}

void add_old_channels(const Chip& chip, std::vector<Rail>& rails) {
  for (int channel = 0; channel < 3; ++channel) {
    const std::string label = chip.at(fmt::format("rail_name_{}", channel)).text;
    const std::string power = fmt::format("in_power{}_input", channel);
    if (is_used(label) && chip.has(power))
      rails.push_back({printable(label), {{chip.at(power).path}, watts_per_milliwatt}});
  }
}

/// Those to be summed, or none where that is not known.
std::vector<Rail> chosen(const std::vector<Rail>& rails) {
  for (const std::string_view total : totals)
    for (const Rail& rail : rails)
      if (rail.label == total) return {rail};
  std::set<std::string> labels;
  for (const Rail& rail : rails) labels.insert(rail.label);
  return labels == agx_xavier() && labels.size() == rails.size() ? rails : std::vector<Rail>();
}

Sensor sum_of(const std::vector<Rail>& rails) {
  Sensor sensor;
  sensor.info.id = "hwmon:ina3221";
  sensor.info.part = Part::machine;
  sensor.info.scope = Scope::node;
  sensor.info.provenance = Provenance::sampled;
  sensor.info.quantity = Quantity::watts;
  sensor.info.relative_uncertainty = uncertainty;
  sensor.info.period_seconds = rails.front().period_seconds;
  sensor.info.quantum_watts = 0.0;
  for (const Rail& rail : rails) {
    sensor.terms.push_back(rail.term);
    // A chip measures its channels in turn, and means over all of the time.
    if (!rail.period_seconds)
      sensor.info.period_seconds = rail.period_seconds;
    else if (sensor.info.period_seconds)
      sensor.info.period_seconds = std::max(*sensor.info.period_seconds, *rail.period_seconds);
    if (sensor.info.quantum_watts && rail.quantum_watts)
      sensor.info.quantum_watts = *sensor.info.quantum_watts + *rail.quantum_watts;
    else
      sensor.info.quantum_watts = Absent{"the shunt is not told"};
  }
  sensor.info.averaging_seconds = sensor.info.period_seconds.value_or(0);
  return sensor;
}

}  // namespace

Plan plan_of_rails(const std::vector<Chip>& chips) {
  std::vector<Rail> rails;
  for (const Chip& chip : chips) {
    add_channels(chip, rails);
    add_old_channels(chip, rails);
  }
  if (chips.empty()) return {};
  std::vector<std::string> labels;
  for (const Rail& rail : rails) labels.push_back(rail.label);
  const std::vector<Rail> taken = chosen(rails);
  if (taken.empty())
    return {{},
            {{"hwmon:ina3221",
              fmt::format(
                  "which of the rails contain others is not known: {}",
                  labels.empty() ? "none has a label" : fmt::format("{}", fmt::join(labels, ", "))),
              ""}}};
  Sensor sensor = sum_of(taken);
  if (taken.size() == 1) {
    std::erase(labels, taken.front().label);
    sensor.info.about = "INA3221 rail " + taken.front().label + ", the module's input";
    if (!labels.empty())
      sensor.info.about += fmt::format("; left out, inside it: {}", fmt::join(labels, ", "));
  } else {
    sensor.info.about = fmt::format(
        "INA3221 rails {}, side by side: the module without its own "
        "conversion",
        fmt::join(labels, " + "));
  }
  sensor.info.about += "; uncertainty from 1 % shunts and the chip's offset";
  return {{sensor}, {}};
}

}  // namespace ergon::hwmon
