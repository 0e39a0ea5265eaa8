#include "bench/measure/characterised.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/base/utc.h"
#include "bench/meters/log_to_come.h"
#include "bench/meters/recheck.h"
#include "bench/record/lookup.h"

namespace ergon::measure {
namespace {

/// What finds out what a meter is.
std::string remedy(const std::string& id) {
  const bool command = id.starts_with("command:");
  return command ? "ergon doctor --meters --meter 'command:...'" : "ergon doctor --meters";
}
/// A run does not wait longer for characterising; the progress line says what it waits for.
constexpr double longest_seconds = 10;
constexpr double fast_period_seconds = 0.1;

using OwnedMeter = std::unique_ptr<Meter>;

void refine(Energy& energy, OwnedMeter& meter, const Characterisation& found) {
  MeterInfo info = refined(meter->info(), found);
  energy.found[info.id] = found;
  meter = described(std::move(meter), std::move(info));
}

/// What a command asked for; a log is yet to come.
bool asked_for(const std::vector<std::string>& wanted, const std::string& id) {
  return id != log_to_come_id &&
         (wanted.front() == "auto" ||
          std::ranges::any_of(wanted, [&](const std::string& one) { return is_named(id, one); }));
}

class Settler {
 public:
  Settler(Energy& energy, const Settling& with) : energy_(energy), with_(with) {}

  /// Empty where the meter holds, else why it is refused.
  std::string settle(OwnedMeter& meter) {
    const MeterInfo& info = meter->info();
    const auto date = energy_.characterised.at(info.id);
    if (date) return recheck_of(meter, *date);
    if (info.period_seconds && *info.period_seconds < fast_period_seconds &&
        seconds_of(info) <= longest_seconds)
      return characterise_of(meter, "");
    return {};
  }

 private:
  /// Of characterising it.
  static double seconds_of(const MeterInfo& info) {
    return why_no_load(info).empty() ? characterise_seconds(info) : characterise_idle_seconds(info);
  }
  std::string difference_of(Meter& meter, const Characterisation& known) {
    return why_no_load(meter.info()).empty() ? recheck(meter, with_.clock, with_.load, known)
                                             : recheck_idle(meter, with_.clock, known);
  }
  std::string recheck_of(OwnedMeter& meter, const std::string& date) {
    const MeterInfo info = meter->info();
    const Characterisation known = characterisation_of(*with_.memory.find(info));
    with_.say(fmt::format("meter {}: rechecking what was found on {}, {:.1f} s", info.id, date,
                          recheck_seconds(known)));
    std::string difference = difference_of(*meter, known);
    // Whatever else ran just then may have been the reason.
    if (!difference.empty()) difference = difference_of(*meter, known);
    if (difference.empty()) return {};
    const std::string reason = fmt::format("it is not as it was found on {}: {}", date, difference);
    if (seconds_of(info) > longest_seconds) return reason;
    return characterise_of(meter, reason + "; ");
  }

  std::string characterise_of(OwnedMeter& meter, const std::string& before) {
    const MeterInfo info = meter->info();
    const bool idle = !why_no_load(info).empty();
    with_.say(fmt::format("meter {}: {}characterising it{}, about {:.0f} s", info.id, before,
                          idle ? " at idle" : "", seconds_of(info)));
    const Characterisation found = idle ? characterise_idle(*meter, with_.clock)
                                        : characterise(*meter, with_.clock, with_.load);
    if (!found.fault.empty()) return before + found.fault;
    const std::string now = utc_now();
    if (const std::string lost = with_.memory.keep(info, found, now); !lost.empty())
      with_.say(fmt::format("meter {}: what was found is not kept: {}", info.id, lost));
    refine(energy_, meter, found);
    energy_.characterised[info.id] = now;
    return {};
  }

  Energy& energy_;
  const Settling& with_;
};

void refuse(Energy& energy, std::size_t index, std::string reason, std::string command) {
  const std::string id = energy.meters[index]->info().id;
  energy.unavailable.push_back({id, std::move(reason), std::move(command)});
  energy.meters.erase(energy.meters.begin() + static_cast<std::ptrdiff_t>(index));
  energy.characterised.erase(id);
  energy.found.erase(id);
}

}  // namespace

void apply_kept(Energy& energy, const MeterMemory& memory) {
  for (OwnedMeter& meter : energy.meters) {
    const std::string id = meter->info().id;
    if (!is_evidence(meter->info().provenance)) continue;
    const record::KnownMeter* known = memory.find(meter->info());
    energy.characterised[id] =
        known ? Maybe<std::string>(known->characterised)
              : Absent{fmt::format("not characterised on this machine: run `{}`", remedy(id))};
    if (known) refine(energy, meter, characterisation_of(*known));
  }
}

void settle(Energy& energy, const std::vector<std::string>& wanted, const Settling& with) {
  apply_kept(energy, with.memory);
  Settler settler(energy, with);
  for (std::size_t i = 0; i < energy.meters.size();) {
    const MeterInfo& info = energy.meters[i]->info();
    const Part part = info.part;
    // Rows that a processor runs take no accelerator's meter unless it is named.
    const bool passed_over = part == Part::accelerator && wanted.front() == "auto";
    if (!is_evidence(info.provenance) || passed_over || !asked_for(wanted, info.id)) {
      ++i;
      continue;
    }
    std::string reason = settler.settle(energy.meters[i]);
    if (!reason.empty()) {
      refuse(energy, i, std::move(reason), remedy(energy.meters[i]->info().id));
      continue;
    }
    if (wanted.front() == "auto" && part == Part::processor) return;
    ++i;
  }
}

void settle_as_recorded(Energy& energy, const record::Document& document) {
  for (std::size_t i = 0; i < energy.meters.size();) {
    const MeterInfo& info = energy.meters[i]->info();
    const record::Meter* recorded = record::find_meter(document, info.id);
    if (!recorded) {
      std::string reason = "this run's record does not have it";
      for (const record::UnavailableMeter& other : document.unavailable_meters)
        if (other.meter == info.id) reason = other.reason;
      refuse(energy, i, std::move(reason), "");
      continue;
    }
    if (recorded->characterised) energy.characterised[info.id] = *recorded->characterised;
    if (recorded->characterised && *recorded->characterised) {
      Characterisation found;
      if (recorded->quantum_watts)
        found.quantum = *recorded->quantum_watts;
      else if (info.quantity == Quantity::cumulative_joules)
        found.quantum = recorded->quantum_joules;
      found.period_seconds = recorded->period_seconds;
      const auto put = [](Maybe<double>& field, const std::optional<double>& value) {
        if (value) field = *value;
      };
      put(found.jitter_seconds, recorded->jitter_seconds);
      put(found.averaging_seconds, recorded->averaging_seconds);
      put(found.lag_seconds, recorded->lag_seconds);
      refine(energy, energy.meters[i], found);
    }
    ++i;
  }
}

}  // namespace ergon::measure
