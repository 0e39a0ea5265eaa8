#include "bench/measure/meter_memory.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "bench/base/error.h"
#include "bench/base/sha256.h"
#include "kernels/devices/cpu.h"

namespace ergon::measure {
namespace {

constexpr const char* machine_id_file = "/etc/machine-id";
constexpr std::size_t hash_digits = 16;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

/// machine-id(5) asks programs to show a hash made for them, never the id itself.
Maybe<std::string> machine_id() {
  std::string id;
  if (!(std::ifstream(machine_id_file) >> id) || id.empty())
    return Absent{std::string(machine_id_file) + " tells none: machines of this processor are one"};
  return sha256_hex("ergon meters " + id).substr(0, hash_digits);
}

/// A fake tree has meters of the same names.
std::string about_of(const MeterInfo& info) {
  const std::string sysfs = variable("ERGON_SYSFS");
  return sysfs.empty() ? info.about : info.about + "; below " + sysfs;
}

const char* quantity_of(const MeterInfo& info) {
  return info.quantity == Quantity::watts ? "watts" : "joules";
}

bool same(const record::KnownMachine& a, const record::KnownMachine& b) {
  return a.cpu == b.cpu && a.id == b.id;
}

bool same(const record::KnownMeter& known, const MeterInfo& info) {
  return known.id == info.id && known.about == about_of(info) &&
         known.quantity == quantity_of(info);
}

/// The machine's entry in `state`, made where it is missing.
record::KnownMachine& entry_of(record::MeterState& state, const record::KnownMachine& machine) {
  for (record::KnownMachine& other : state.machines)
    if (same(other, machine)) return other;
  return state.machines.emplace_back(machine);
}

void put(record::MeterState& state, const record::KnownMachine& machine,
         const record::KnownMeter& meter) {
  auto& meters = entry_of(state, machine).meters;
  const auto it = std::find_if(meters.begin(), meters.end(), [&](const auto& other) {
    return other.id == meter.id && other.about == meter.about && other.quantity == meter.quantity;
  });
  if (it == meters.end())
    meters.push_back(meter);
  else
    *it = meter;
}

}  // namespace

Maybe<std::string> meter_state_path() {
  if (std::string path = variable("ERGON_STATE"); !path.empty()) return path;
  if (const std::string folder = variable("XDG_STATE_HOME"); !folder.empty())
    return folder + "/ergon/meters.json";
  if (const std::string home = variable("HOME"); !home.empty())
    return home + "/.local/state/ergon/meters.json";
  return Absent{"none of ERGON_STATE, XDG_STATE_HOME and HOME is set, so nothing is kept"};
}

record::KnownMachine this_machine() {
  const CpuInfo& cpu = cpu_info();
  return {cpu.vendor + " " + std::to_string(cpu.family) + "/" + std::to_string(cpu.model) + "/" +
              std::to_string(cpu.stepping),
          machine_id(),
          {}};
}

Characterisation characterisation_of(const record::KnownMeter& known) {
  Characterisation found;
  found.quantum = known.quantum;
  found.period_seconds = known.period_seconds;
  found.jitter_seconds = known.jitter_seconds;
  found.averaging_seconds = known.averaging_seconds;
  found.lag_seconds = known.lag_seconds;
  found.read_seconds = known.read_seconds;
  found.idle_watts = known.idle_watts;
  found.busy_watts = known.busy_watts;
  return found;
}

MeterMemory::MeterMemory(Maybe<std::string> path, record::KnownMachine machine)
    : path_(std::move(path)), machine_(std::move(machine)) {
  try {
    if (path_) state_ = record::read_meter_state(*path_);
  } catch (const UserError& error) {
    throw UserError(std::string(error.what()) +
                    " (what is known of meters is kept here; delete it to start anew)");
  }
}

MeterMemory MeterMemory::open() { return {meter_state_path(), this_machine()}; }

const record::KnownMeter* MeterMemory::find(const MeterInfo& info) const {
  for (const record::KnownMachine& machine : state_.machines)
    if (same(machine, machine_))
      for (const record::KnownMeter& meter : machine.meters)
        if (same(meter, info)) return &meter;
  return nullptr;
}

std::string MeterMemory::keep(const MeterInfo& info, const Characterisation& found,
                              const std::string& utc) {
  const record::KnownMeter meter{info.id,
                                 about_of(info),
                                 utc,
                                 quantity_of(info),
                                 found.quantum,
                                 found.period_seconds,
                                 found.jitter_seconds,
                                 found.averaging_seconds,
                                 found.lag_seconds,
                                 found.read_seconds,
                                 found.idle_watts,
                                 found.busy_watts};
  put(state_, machine_, meter);
  if (!path_) return path_.reason();
  try {
    record::MeterState latest = record::read_meter_state(*path_);
    put(latest, machine_, meter);
    record::write_meter_state(*path_, latest);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace ergon::measure
