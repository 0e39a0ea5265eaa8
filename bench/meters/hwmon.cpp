// What the kernel's hardware monitoring tells of power and energy: GPUs (amdgpu, i915, xe,
// nouveau), AMD's sockets, ACPI power meters and Grace's, the rails of Jetson modules, and
// batteries while they discharge. Chips whose feed is not known are left out, by name.
//
// hwmon_chip.h says what is taken of which, and from which source; here it is read.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/hwmon_battery.h"
#include "bench/meters/hwmon_chip.h"
#include "bench/meters/sampler.h"

namespace ergon {
namespace {

using namespace hwmon;
namespace fs = std::filesystem;

/// Long enough for a counter that steps ten times a second.
constexpr double counter_seconds = 0.3;
/// Of fuel gauges. Assumed: no driver states one.
constexpr double battery_uncertainty = 0.05;

/// By the numbers at the ends of their names: hwmon2 before hwmon10.
std::vector<fs::path> folders_below(const std::string& parent) {
  std::vector<fs::path> folders;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(parent, missing)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(a.native().size(), a) < std::pair(b.native().size(), b);
  });
  return folders;
}

void add_files(const fs::path& folder, Chip& chip) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const std::string file = entry.path().filename().string();
    if (is_of_interest(file)) chip.files.emplace(file, read_file(entry.path().string()));
  }
}

/// Drivers of before Linux 3.13 or so, and acpi_power_meter long after, put their files beside the
/// device's, one folder down.
Chip chip_at(const fs::path& folder) {
  Chip chip;
  chip.name = read_file((folder / "name").string()).text;
  if (chip.name.empty()) chip.name = read_file((folder / "device/name").string()).text;
  add_files(folder, chip);
  if (!tells_power(chip) && !chip.has("curr1_input")) add_files(folder / "device", chip);
  return chip;
}

/// Sorted by what they are told together with.
struct Found {
  std::vector<Chip> alone, acpi, rails;
};

Found find_chips(const std::string& sysfs) {
  Found found;
  std::map<std::string, int> numbers;
  for (const fs::path& folder : folders_below(sysfs + "/class/hwmon")) {
    Chip chip = chip_at(folder);
    chip.number = numbers[chip.name]++;
    auto& room = chip.name == "power_meter" ? found.acpi
                 : chip.name == "ina3221"   ? found.rails
                                            : found.alone;
    room.push_back(std::move(chip));
  }
  for (const fs::path& device : folders_below(sysfs + "/bus/i2c/drivers/ina3221x"))
    for (const fs::path& folder : folders_below(device.string())) {
      if (!folder.filename().string().starts_with("iio:device")) continue;
      Chip chip;
      chip.name = "ina3221x";
      add_files(folder, chip);
      found.rails.push_back(std::move(chip));
    }
  return found;
}

Source source_of(const Sensor& sensor) {
  const auto read = [sensor, paths = paths_of(sensor)]() {
    std::vector<FileText> texts;
    texts.reserve(paths.size());
    for (const std::string& path : paths) texts.push_back(read_file(path));
    return value_of(sensor, texts);
  };
  if (sensor.info.quantity == Quantity::watts) return read;
  // Drivers unwrap their counters: one that falls was reset, or read by too few.
  return [read, last = 0.0, id = sensor.info.id]() mutable -> Maybe<double> {
    const auto joules = read();
    if (!joules) return joules;
    const double before = std::exchange(last, *joules);
    if (*joules < before) return Absent{id + " goes backwards: its driver was loaded anew"};
    return joules;
  };
}

/// Why a file of the sensor cannot be read, and what opens it. EPERM is a driver's refusal, as
/// amdgpu's during a reset, which no mode of the file would change.
std::optional<Unavailable> denial_of(const Sensor& sensor) {
  for (const std::string& path : paths_of(sensor)) {
    const FileText file = read_file(path);
    if (file.error != EACCES) continue;
    return Unavailable{sensor.info.id, file.reason(), "sudo chmod a+r " + path};
  }
  return std::nullopt;
}

Probe open(const Sensor& sensor, Clock& clock) {
  if (auto denied = denial_of(sensor)) return std::move(*denied);
  if (sensor.info.quantity == Quantity::watts) {
    Sampling sampling;
    sampling.otherwise_period_seconds = sensor.otherwise_period_seconds;
    return open_sampler(sensor.info, clock, source_of(sensor), sampling);
  }
  return open_counter(sensor.info, clock, source_of(sensor), sensor.terms.size(), counter_seconds);
}

void add(const Plan& plan, Clock& clock, Probes& probes) {
  for (const Sensor& sensor : plan.sensors) probes.push_back(open(sensor, clock));
  for (const Unavailable& none : plan.left_out) probes.emplace_back(none);
}

std::vector<Supply> read_supplies(const std::string& sysfs) {
  std::vector<Supply> supplies;
  for (const fs::path& folder : folders_below(sysfs + "/class/power_supply")) {
    Supply supply{folder.filename().string(), {}};
    for (const char* name : supply_files) {
      FileText file = read_file((folder / name).string());
      if (file.error != ENOENT) supply.files.emplace(name, std::move(file));
    }
    supplies.push_back(std::move(supply));
  }
  return supplies;
}

void add_battery(const std::string& sysfs, Clock& clock, Probes& probes) {
  const std::vector<Supply> supplies = read_supplies(sysfs);
  if (std::none_of(supplies.begin(), supplies.end(), is_battery)) return;
  MeterInfo info;
  info.id = "hwmon:battery";
  info.about = "what the batteries give while no charger is connected; uncertainty assumed";
  info.part = Part::machine;
  info.scope = Scope::node;
  info.relative_uncertainty = battery_uncertainty;
  Sampling sampling;
  sampling.otherwise_period_seconds =
      Absent{fmt::format("no update of the batteries was seen within {} s; `ergon doctor --meters` "
                         "looks for longer",
                         sampling.seconds)};
  probes.push_back(open_sampler(
      std::move(info), clock, [sysfs] { return battery_watts(read_supplies(sysfs)); }, sampling));
}

/// A processor's own meter says more of what it ran than the machine's, and that more than another
/// device's.
int rank_of(const Probe& probe) {
  const auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe);
  if (meter == nullptr) return 3;
  switch ((*meter)->info().part) {
    case Part::processor:
      return 0;
    case Part::machine:
      return 1;
    case Part::accelerator:
      break;
  }
  return 2;
}

}  // namespace

Probes probe_hwmon(const MeterContext& context) {
  Probes probes;
  Clock& clock = *context.clock;
  const Found found = find_chips(context.sysfs);
  for (const Chip& chip : found.alone) add(plan_of(chip), clock, probes);
  add(plan_of_acpi(found.acpi), clock, probes);
  add(plan_of_rails(found.rails), clock, probes);
  add_battery(context.sysfs, clock, probes);
  std::stable_sort(probes.begin(), probes.end(),
                   [](const Probe& a, const Probe& b) { return rank_of(a) < rank_of(b); });
  if (probes.empty())
    probes.emplace_back(Unavailable{"hwmon",
                                    "no chip under " + context.sysfs +
                                        "/class/hwmon tells a power or an energy, and no battery "
                                        "is under " +
                                        context.sysfs + "/class/power_supply",
                                    ""});
  return probes;
}

}  // namespace ergon
