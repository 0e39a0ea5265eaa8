// Package energy from the powercap tree: /sys/class/powercap/intel-rapl:N[:M], of Intel and AMD.
//
// Package zones are summed, with their DRAM subzones where every package has a readable one. Left
// out: psys (it contains the packages), core and uncore (inside them), intel-rapl-mmio (the same
// counters by another way), and further dies of a package that mirror its one counter (Zen 1 and
// 2). Each zone wraps by its own max_energy_range_uj and is unwrapped here, so that the sum never
// is.
//
// Source: Documentation/power/powercap/powercap.rst of the Linux kernel.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/meters/clocked.h"
#include "bench/meters/rapl.h"
#include "bench/meters/sysfs.h"

namespace ergon {
namespace {

constexpr double joules_per_microjoule = 1e-6;
/// Two reads of one counter differ by no more than what flows between them, one update included.
constexpr double mirror_joules = 1;

struct Zone {
  std::string folder;
  std::string name;  // "package-0", "dram"
  Maybe<double> range_joules;
  double unwrapped_joules = 0;
  std::optional<double> last_joules;

  FileText energy() const { return read_file(folder + "/energy_uj"); }

  /// Joules since the first call.
  Maybe<double> advance() {
    const auto microjoules = number_of(energy());
    if (!microjoules) return microjoules;
    const double now = *microjoules * joules_per_microjoule;
    double step = now - last_joules.value_or(now);
    if (step < 0) {
      if (!range_joules) return Absent{folder + " goes backwards and does not tell its range"};
      step += *range_joules;
    }
    last_joules = now;
    unwrapped_joules += step;
    return unwrapped_joules;
  }
};

Zone zone_at(const std::filesystem::path& folder) {
  Zone zone;
  zone.folder = folder.string();
  zone.name = read_file(zone.folder + "/name").text;
  const auto range = number_of(read_file(zone.folder + "/max_energy_range_uj"));
  if (range && *range > 0)
    zone.range_joules = *range * joules_per_microjoule;
  else
    zone.range_joules = Absent{"max_energy_range_uj is not readable"};
  return zone;
}

/// Zones `intel-rapl:N` (or `PARENT:M`) of one level, by name of the folder.
std::vector<Zone> zones_below(const std::string& powercap, const std::string& parent) {
  std::vector<Zone> zones;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(powercap, missing)) {
    const std::string folder = entry.path().filename().string();
    if (!folder.starts_with(parent + ":")) continue;
    if (folder.find(':', parent.size() + 1) != std::string::npos) continue;
    zones.push_back(zone_at(entry.path()));
  }
  std::sort(zones.begin(), zones.end(), [](const Zone& a, const Zone& b) {
    return std::pair(a.folder.size(), a.folder) < std::pair(b.folder.size(), b.folder);
  });
  return zones;
}

/// "package-0" of "package-0-die-1".
std::string_view package_of(std::string_view name) { return name.substr(0, name.find("-die-")); }

/// True where the two zones are of one package and read the same counter: what the second shows
/// lies between two readings of the first.
bool mirrors(const Zone& first, const Zone& second) {
  if (package_of(first.name) != package_of(second.name)) return false;
  const auto before = number_of(first.energy());
  const auto between = number_of(second.energy());
  const auto after = number_of(first.energy());
  if (!before || !between || !after) return false;
  return *between * joules_per_microjoule >= *before * joules_per_microjoule - mirror_joules &&
         *between * joules_per_microjoule <= *after * joules_per_microjoule + mirror_joules;
}

struct Selection {
  std::vector<Zone> zones;  // all that are summed
  std::vector<std::string> names;
  std::vector<std::string> left_out;
  Scope scope = Scope::package;
};

void add_packages(const std::vector<Zone>& found, Selection& selection) {
  for (const Zone& zone : found) {
    const bool mirrored = std::any_of(selection.zones.begin(), selection.zones.end(),
                                      [&](const Zone& other) { return mirrors(other, zone); });
    if (!zone.name.starts_with("package") || mirrored) {
      selection.left_out.push_back(mirrored ? zone.name + " (repeats its package)" : zone.name);
      continue;
    }
    selection.names.push_back(zone.name);
    selection.zones.push_back(zone);
  }
}

/// The memory of every package, or of none: half a sum has no scope.
void add_memory(const std::string& powercap, Selection& selection) {
  std::vector<Zone> memory;
  for (const Zone& package : selection.zones) {
    const std::string folder = std::filesystem::path(package.folder).filename().string();
    for (Zone& zone : zones_below(powercap, folder))
      if (zone.name == "dram" && number_of(zone.energy())) memory.push_back(std::move(zone));
  }
  if (memory.empty() || memory.size() != selection.zones.size()) return;
  for (Zone& zone : memory) selection.zones.push_back(std::move(zone));
  selection.names.push_back("their dram");
  selection.scope = Scope::package_dram;
}

MeterInfo describe(const Selection& selection) {
  MeterInfo info;
  info.id = "powercap";
  info.about = fmt::format("powercap zones {}", fmt::join(selection.names, " + "));
  if (!selection.left_out.empty())
    info.about += fmt::format("; left out: {}", fmt::join(selection.left_out, ", "));
  info.scope = selection.scope;
  info.relative_uncertainty = rapl_uncertainty(selection.scope);
  info.counter_range_joules = Absent{"the zones do not tell their range"};
  for (const Zone& zone : selection.zones)
    if (zone.range_joules)
      info.counter_range_joules =
          std::min(*zone.range_joules, info.counter_range_joules.value_or(*zone.range_joules));
  return info;
}

Unavailable none(std::string reason, std::string remedy = {}) {
  return {"powercap", std::move(reason), std::move(remedy)};
}

}  // namespace

Probes probe_powercap(const MeterContext& context) {
  const std::string powercap = context.sysfs + "/class/powercap";
  const std::vector<Zone> found = zones_below(powercap, "intel-rapl");
  if (found.empty())
    return one(none("no intel-rapl zone under " + powercap +
                    ": the kernel has no RAPL driver for this processor, or this is a guest"));
  for (const Zone& zone : found) {
    const FileText energy = zone.energy();
    if (!zone.name.starts_with("package") || number_of(energy)) continue;
    return one(
        none(number_of(energy).reason(),
             energy.denied() ? "sudo chmod a+r " + powercap + "/intel-rapl:*/energy_uj" : ""));
  }
  Selection selection;
  add_packages(found, selection);
  if (selection.zones.empty()) return one(none("no zone under " + powercap + " is a package"));
  add_memory(powercap, selection);
  std::vector<Summand> counters;
  for (const Zone& zone : selection.zones)
    counters.push_back(
        {zone.folder, [zone = std::make_shared<Zone>(zone)] { return zone->advance(); }});
  return one(open_sum(describe(selection), *context.clock, counters));
}

}  // namespace ergon
