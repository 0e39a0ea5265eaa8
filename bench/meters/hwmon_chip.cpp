#include "bench/meters/hwmon_chip.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/plausible.h"
#include "bench/meters/rapl.h"

namespace ergon::hwmon {
namespace {

constexpr double per_micro = 1e-6;
/// No vendor states one for these. Assumed.
constexpr double assumed_uncertainty = 0.10;
/// amdgpu states no window for its average. Assumed: longer than any that was seen.
constexpr double amdgpu_average_seconds = 1;
/// i915 and xe fold a 32-bit register of 2^-14 J into 64 bits when they are read: unread for so
/// many joules it would lose count.
constexpr double intel_fold_joules = 262144;

constexpr std::array<std::pair<std::string_view, std::string_view>, 16> interesting = {{
    {"power", "_input"},
    {"power", "_average"},
    {"power", "_average_interval"},
    {"power", "_label"},
    {"power", "_oem_info"},
    {"power", "_accuracy"},
    {"power", "_is_battery"},
    {"energy", "_input"},
    {"energy", "_label"},
    {"in", "_input"},
    {"in", "_label"},
    {"in", "_enable"},
    {"curr", "_input"},
    {"shunt", "_resistor"},
    {"rail_name_", ""},
    {"in_power", "_input"},
}};

Unavailable left_out(const Chip& chip, std::string reason) {
  return {chip.id(), std::move(reason), ""};
}

Sensor energy_of(const Chip& chip, const std::string& file) {
  Sensor sensor;
  sensor.info.id = chip.id();
  sensor.info.provenance = Provenance::counter;
  sensor.info.relative_uncertainty = assumed_uncertainty;
  sensor.terms.push_back({{chip.at(file).path}, per_micro});
  return sensor;
}

Sensor power_of(const Chip& chip, const std::string& file) {
  Sensor sensor = energy_of(chip, file);
  sensor.info.provenance = Provenance::sampled;
  sensor.info.quantity = Quantity::watts;
  return sensor;
}

/// Documentation/gpu/amdgpu/thermal.rst: "power used by the SoC. On APUs this includes the CPU".
/// Only APUs have the northbridge's voltage, in1 (MI300A, which has none, is taken for a board).
Plan plan_of_amdgpu(const Chip& chip) {
  const bool averaged = chip.has("power1_average");
  if (!averaged && !chip.has("power1_input"))
    return {{}, {left_out(chip, "amdgpu shows no power for this device")}};
  const std::string file = averaged ? "power1_average" : "power1_input";
  Sensor sensor = power_of(chip, file);
  const bool apu = chip.has("in1_input") || chip.has("in1_label");
  sensor.info.part = apu ? Part::processor : Part::accelerator;
  sensor.info.scope = apu ? Scope::package : Scope::board;
  sensor.info.averaging_seconds = averaged ? amdgpu_average_seconds : 0;
  sensor.info.about = fmt::format(
      "{} of amdgpu, {}; {}uncertainty assumed, the driver states none", file,
      apu ? "an APU: processor and graphics together" : "the whole device",
      averaged ? fmt::format("taken for a mean over {} s; ", amdgpu_average_seconds) : "");
  if (averaged && chip.has("power1_input")) sensor.info.about += "; left out: power1_input";
  return {{sensor}, {}};
}

/// Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon: i915's energy1 is the card, xe's
/// are labelled "card" and "pkg".
Plan plan_of_intel(const Chip& chip) {
  Plan plan;
  for (const auto& [file, text] : chip.files) {
    const auto number = number_in(file, "energy", "_input");
    if (!number) continue;
    const std::string label_file = fmt::format("energy{}_label", *number);
    const std::string label = chip.has(label_file) ? chip.at(label_file).text : "card";
    if (label != "card" && label != "pkg") {
      plan.left_out.push_back(
          {fmt::format("{}:{}", chip.id(), *number),
           fmt::format("what '{}' of {} includes is not known", printable(label), chip.name), ""});
      continue;
    }
    Sensor sensor = energy_of(chip, file);
    if (label == "pkg") sensor.info.id += ":pkg";
    sensor.info.part = Part::accelerator;
    sensor.info.scope = label == "card" ? Scope::board : Scope::package;
    sensor.info.counter_range_joules = intel_fold_joules;
    sensor.info.about = fmt::format("{} of {} ({}); uncertainty assumed, the driver states none",
                                    file, chip.name, label);
    plan.sensors.push_back(std::move(sensor));
  }
  if (plan.sensors.empty() && plan.left_out.empty())
    plan.left_out.push_back(left_out(chip, chip.name + " shows no energy for this device"));
  return plan;
}

Plan plan_of_nouveau(const Chip& chip) {
  if (!chip.has("power1_input"))
    return {{}, {left_out(chip, "nouveau shows no power for this device")}};
  Sensor sensor = power_of(chip, "power1_input");
  sensor.info.part = Part::accelerator;
  sensor.info.scope = Scope::board;
  sensor.info.about = "power1_input of nouveau; uncertainty assumed, the driver states none";
  return {{sensor}, {}};
}

/// Documentation/hwmon/amd_energy.rst (Linux 5.8 to 5.12, and out of tree): "Esocket0", "Ecore000".
Plan plan_of_amd_energy(const Chip& chip) {
  Sensor sockets;
  sockets.info.id = chip.id();
  sockets.info.about = "the sockets (EsocketN) of amd_energy; left out: cores, which are in them";
  sockets.info.relative_uncertainty = rapl_uncertainty(Scope::package);
  for (const auto& [file, text] : chip.files) {
    const auto number = number_in(file, "energy", "_label");
    if (!number || !text.text.starts_with("Esocket")) continue;
    const std::string path = text.path.substr(0, text.path.rfind('/') + 1);
    sockets.terms.push_back({{fmt::format("{}energy{}_input", path, *number)}, per_micro});
  }
  if (sockets.terms.empty()) return {{}, {left_out(chip, "amd_energy labels no socket")}};
  return {{sockets}, {}};
}

}  // namespace

std::string Chip::id() const { return fmt::format("hwmon:{}-{}", printable(name), number); }

FileText Chip::at(const std::string& file) const {
  const auto found = files.find(file);
  return found != files.end() ? found->second : FileText{file, {}, ENOENT};
}

std::optional<int> number_in(const std::string& file, const std::string& prefix,
                             const std::string& suffix) {
  if (!file.starts_with(prefix) || !file.ends_with(suffix) ||
      file.size() <= prefix.size() + suffix.size())
    return std::nullopt;
  int number = 0;
  const char* end = file.data() + file.size() - suffix.size();
  const auto [stop, error] = std::from_chars(file.data() + prefix.size(), end, number);
  if (error != std::errc{} || stop != end || number < 0) return std::nullopt;
  return number;
}

bool is_of_interest(const std::string& file) {
  return file == "update_interval" ||
         std::any_of(interesting.begin(), interesting.end(), [&](const auto& parts) {
           return number_in(file, std::string(parts.first), std::string(parts.second)).has_value();
         });
}

bool tells_power(const Chip& chip) {
  return std::any_of(chip.files.begin(), chip.files.end(), [](const auto& file) {
    return number_in(file.first, "power", "_input") || number_in(file.first, "power", "_average") ||
           number_in(file.first, "energy", "_input");
  });
}

Plan plan_of(const Chip& chip) {
  if (chip.name == "amdgpu") return plan_of_amdgpu(chip);
  if (chip.name == "i915" || chip.name == "xe") return plan_of_intel(chip);
  if (chip.name == "nouveau") return plan_of_nouveau(chip);
  if (chip.name == "amd_energy") return plan_of_amd_energy(chip);
  if (!tells_power(chip)) return {};
  if (chip.name.starts_with("i915_gt"))
    return {{}, {left_out(chip, "one tile of a card that i915 tells whole")}};
  return {{}, {left_out(chip, "what this chip feeds is not known, so neither is its scope")}};
}

std::vector<std::string> paths_of(const Sensor& sensor) {
  std::vector<std::string> paths;
  for (const Term& term : sensor.terms)
    paths.insert(paths.end(), term.paths.begin(), term.paths.end());
  return paths;
}

Maybe<double> value_of(const Sensor& sensor, const std::vector<FileText>& texts) {
  double sum = 0;
  std::size_t at = 0;
  for (const Term& term : sensor.terms) {
    double product = term.scale;
    for (std::size_t i = 0; i < term.paths.size(); ++i, ++at) {
      const auto factor = number_of(texts.at(at));
      if (!factor) return factor;
      product *= *factor;
    }
    const std::string& path = term.paths.front();
    if (sensor.info.quantity == Quantity::cumulative_joules && !(product >= 0))
      return Absent{fmt::format("{} says {:.4g} J", path, product)};
    // A rail may draw a little less than nothing, by its offset; a sum of them may not.
    const bool whole = term.paths.size() == 1 || product > 0;
    if (sensor.info.quantity == Quantity::watts && whole)
      if (std::string fault = fault_of_power(product, sensor.info.scope); !fault.empty())
        return Absent{path + ": " + fault};
    sum += product;
  }
  return sum;
}

}  // namespace ergon::hwmon
