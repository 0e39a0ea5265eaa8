#include "bench/cli/doctor_meters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/base/utc.h"
#include "bench/cli/suite_options.h"
#include "bench/measure/meter_memory.h"
#include "bench/meters/cpu_load.h"
#include "bench/meters/log_to_come.h"
#include "kernels/devices/cpu.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

constexpr double wanted_error = 0.02;

ordered_json maybe(const auto& value) {
  if (value) return *value;
  return {{"absent", value.reason()}};
}

ordered_json range(const Maybe<Estimate>& value) {
  if (!value) return {{"absent", value.reason()}};
  return {{"value", value->value}, {"low", value->low}, {"high", value->high}};
}

/// Tells of each step of a load that a slow sensor needs minutes for.
class Reported final : public Load {
 public:
  Reported(Load& load, std::string meter, double seconds)
      : load_(load), meter_(std::move(meter)), seconds_(seconds) {}
  void set(bool on) override {
    std::fprintf(stderr, "meter %s: step %d, load %s (about %.0f s in all)\n", meter_.c_str(),
                 ++step_, on ? "on" : "off", seconds_);
    load_.set(on);
  }

 private:
  Load& load_;
  std::string meter_;
  double seconds_;
  int step_ = 0;
};

std::string why_not(const MeterInfo& info) {
  if (info.id == log_to_come_id) return "a log is attached when a run is over";
  return is_evidence(info.provenance)
             ? ""
             : fmt::format("{}: arithmetic, not a sensor", name(info.provenance));
}

/// Under the load, or at idle where it does not show.
Characterisation characterised(Meter& meter, Clock& clock, Load& load) {
  const MeterInfo& info = meter.info();
  if (why_no_load(info).empty()) {
    Reported reported(load, info.id, characterise_seconds(info));
    return characterise(meter, clock, reported);
  }
  std::fprintf(stderr, "meter %s: watched at idle (about %.0f s at most)\n", info.id.c_str(),
               characterise_idle_seconds(info));
  return characterise_idle(meter, clock);
}

ordered_json described_fields(const MeterInfo& info) {
  return {{"meter", info.id},
          {"about", info.about},
          {"scope", name(info.scope)},
          {"provenance", name(info.provenance)}};
}

/// What was found, in the record's names where it has them.
void add_found(ordered_json& entry, const MeterInfo& before, const Characterisation& found) {
  const bool watts = before.quantity == Quantity::watts;
  const MeterInfo info = refined(before, found);
  entry[watts ? "quantum_watts" : "quantum_joules"] = maybe(found.quantum);
  entry["period_seconds"] = maybe(found.period_seconds);
  entry["jitter_seconds"] = maybe(found.jitter_seconds);
  if (watts) entry["averaging_seconds"] = maybe(found.averaging_seconds);
  entry["lag_seconds"] = maybe(found.lag_seconds);
  entry["read_seconds"] = found.read_seconds;
  entry["idle_watts"] = range(found.idle_watts);
  entry["busy_watts"] = range(found.busy_watts);
  if (!watts) entry["wrap_joules"] = maybe(info.counter_range_joules);
  if (const std::string why = why_no_load(before); !why.empty())
    entry["step_response"] = {{"absent", why}};
  if (!found.busy_watts || !found.idle_watts) return;
  const double busy = found.busy_watts->value;
  entry["gain_watts"] = busy - found.idle_watts->value;
  if (!watts && info.counter_range_joules && busy > 0)
    entry["seconds_to_wrap"] = *info.counter_range_joules / busy;
  entry["shortest_window_seconds"] = maybe(shortest_window_seconds(info, busy, wanted_error));
}

bool works(const ordered_json& entry) {
  return entry.contains("gain_watts") && !entry.contains("fault");
}

/// How much of another meter's rise under the same load each meter sees.
void compare_gains(ordered_json& meters) {
  for (ordered_json& entry : meters) {
    if (!works(entry)) continue;
    ordered_json against = ordered_json::object();
    for (const ordered_json& other : meters)
      if (works(other) && other["meter"] != entry["meter"])
        against[other["meter"].get<std::string>()] =
            entry["gain_watts"].get<double>() / other["gain_watts"].get<double>();
    if (!against.empty()) entry["gain_against"] = against;
  }
}

}  // namespace

ordered_json characterise_meters(const measure::EvidenceOptions& evidence) {
  measure::MeterMemory memory = measure::MeterMemory::open();
  const auto catalogue = config::load_hardware(configs_folder() + "/hardware");
  SteadyClock clock;
  const auto energy = measure::open_meters(catalogue, evidence, clock, [](auto&) {});
  const bool all = evidence.meters == measure::EvidenceOptions{}.meters;
  CpuLoad load(usable_processor_ids());
  ordered_json meters = ordered_json::array();
  for (const auto& meter : energy.meters) {
    if (!all && std::ranges::find(energy.chosen, meter.get()) == energy.chosen.end()) continue;
    const MeterInfo& info = meter->info();
    ordered_json& entry = meters.emplace_back(described_fields(info));
    if (const std::string why = why_not(info); !why.empty()) {
      entry["absent"] = why;
      continue;
    }
    const Characterisation found = characterised(*meter, clock, load);
    add_found(entry, info, found);
    if (!found.fault.empty()) {
      entry["fault"] = found.fault;
      continue;
    }
    entry["characterised"] = utc_now();
    if (const std::string lost = memory.keep(info, found, entry["characterised"]); !lost.empty())
      entry["not_kept"] = lost;
  }
  compare_gains(meters);
  for (const Unavailable& other : all ? energy.unavailable : std::vector<Unavailable>{}) {
    ordered_json entry{{"meter", other.meter}, {"absent", other.reason}};
    if (!other.remedy.empty()) entry["remedy"] = other.remedy;
    meters.push_back(entry);
  }
  return {{"machine", {{"cpu", memory.machine().cpu}, {"id", maybe(memory.machine().id)}}},
          {"kept_in", maybe(memory.path())},
          {"load", fmt::format("multiply-adds on {} processors", usable_processors())},
          {"meters", meters}};
}

}  // namespace ergon::cli
