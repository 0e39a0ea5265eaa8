#include "bench/measure/evidence.h"

#include <algorithm>
#include <optional>

#include "bench/base/error.h"
#include "bench/base/student.h"
#include "bench/config/power.h"
#include "bench/measure/meter_choice.h"
#include "bench/measure/power_model.h"
#include "bench/measure/topology.h"
#include "bench/stats/stats.h"
#include "kernels/devices/cpu.h"

namespace ergon::measure {
namespace {

constexpr double wanted_energy_error = 0.02;
/// The more power flows, the less a counter's steps matter: no window needs to be longer than at
/// idle, and none may be shorter than at this.
constexpr double most_watts = 1e5;

Maybe<PowerModel> power_model(const config::HardwareCatalogue& catalogue) {
  const auto figures = config::match_power(catalogue, identify_cpu());
  if (!figures) return Absent{figures.reason()};
  return scale_power(*figures, {usable_processors(), physical_cores(usable_processor_ids()),
                                cpu_info().hypervisor});
}

/// "nvml" of "nvml:0".
std::string entry_of(const std::string& id) { return id.substr(0, id.find(':')); }

bool is_registered(const std::string& entry) {
  const auto entries = meter_entries();
  return std::any_of(entries.begin(), entries.end(),
                     [&](const MeterEntry& e) { return e.id == entry; });
}

std::string known_meters() {
  std::string out = "auto, none";
  for (const MeterEntry& entry : meter_entries()) out += std::string(", ") + entry.id;
  return out;
}

/// For rows that a processor runs, the lower the better; nothing for a meter that says nothing
/// about them. What the user declares comes before what we would model, and after what a sensor
/// tells; the processor's own sensor before one of the whole machine.
std::optional<int> preference(const MeterInfo& info, bool declared) {
  if (info.part == Part::accelerator) return std::nullopt;
  if (is_evidence(info.provenance)) return info.part == Part::processor ? 0 : 1;
  return declared && info.provenance == Provenance::modelled ? 3 : 2;
}

void choose_best(Energy& energy, bool declared) {
  Meter* best = nullptr;
  for (const auto& meter : energy.meters) {
    const auto rank = preference(meter->info(), declared);
    if (rank && (best == nullptr || *rank < *preference(best->info(), declared)))
      best = meter.get();
  }
  if (best != nullptr)
    energy.chosen.push_back(best);
  else
    energy.none_chosen = "no meter works here";
}

void choose(Energy& energy, const std::string& wanted) {
  const Where where{"command line", 0, "--meter"};
  if (!is_registered(entry_of(wanted)))
    throw UserError(where, "no meter is called '" + wanted + "'; known: " + known_meters());
  bool found = false;
  for (const auto& meter : energy.meters) {
    if (!is_named(meter->info().id, wanted)) continue;
    found = true;
    if (std::find(energy.chosen.begin(), energy.chosen.end(), meter.get()) == energy.chosen.end())
      energy.chosen.push_back(meter.get());
  }
  if (found) return;
  for (const Unavailable& other : energy.unavailable)
    if (is_named(other.meter, wanted) || other.meter == entry_of(wanted))
      throw UserError(where, other.meter + " does not work here: " + other.reason +
                                 (other.remedy.empty() ? "" : " (" + other.remedy + ")"));
  throw UserError(where, "there is no " + wanted + " here; `ergon doctor` lists what there is");
}

void choose(Energy& energy, const std::vector<std::string>& wanted, bool declared) {
  for (const std::string& one : wanted) {
    const bool alone = one == "auto" || one == "none";
    if (alone && wanted.size() > 1)
      throw UserError({"command line", 0, "--meter"}, "'" + one + "' stands beside no other");
    if (one == "none")
      energy.none_chosen = "--meter none";
    else if (one == "auto")
      choose_best(energy, declared);
    else
      choose(energy, one);
  }
}

/// What idle windows are planned for: what a sensor of watts shows now. A counter does not tell.
double expected_watts(Meter& meter) {
  constexpr double few_watts = 10;
  if (meter.info().quantity != Quantity::watts) return few_watts;
  const Reading now = meter.read();
  return now.invalid.empty() && now.value > 0 ? now.value : few_watts;
}

/// Nothing is said of what is only assumed to be nothing.
void describe_timing(const MeterInfo& info, const Characterisation& found, record::Meter& out) {
  const auto put = [&](std::optional<double>& field, double value, const Maybe<double>& known) {
    if (known || value > 0) field = value;
  };
  if (info.quantum_watts) out.quantum_watts = *info.quantum_watts;
  put(out.jitter_seconds, info.jitter_seconds, found.jitter_seconds);
  put(out.averaging_seconds, info.averaging_seconds, found.averaging_seconds);
  put(out.lag_seconds, info.lag_seconds, found.lag_seconds);
}

/// The median with a 95 % interval: Student's, and no narrower than what one piece is known to,
/// since where power lies in a coarse sensor's step may be the same in all of them.
record::Meter::Idle idle_of(const std::vector<double>& watts, double error) {
  const Interval chance = student_interval(watts);
  record::Meter::Idle idle;
  idle.value = stats::median(watts);
  idle.interval95 = {std::max(0.0, std::min(chance.low, idle.value - error)),
                     std::max(chance.high, idle.value + error)};
  return idle;
}

}  // namespace

bool is_named(const std::string& id, const std::string& wanted) {
  return id == wanted || id.starts_with(wanted + ":");
}

config::CpuIdentity identify_cpu() {
  const CpuInfo& info = cpu_info();
  return {info.vendor,   info.brand,      info.family, info.model,
          info.stepping, info.hypervisor, info.isa};
}

record::Meter Energy::describe(const Meter& meter) const {
  const MeterInfo& info = meter.info();
  record::Meter out;
  out.id = info.id;
  out.scope = name(info.scope);
  out.provenance = name(info.provenance);
  out.about = info.about;
  out.part = name(info.part);
  out.relative_uncertainty = info.relative_uncertainty;
  out.quantum_joules = info.quantum_joules;
  out.period_seconds = info.period_seconds;
  out.read_seconds = info.read_seconds;
  if (const auto it = characterised.find(info.id); it != characterised.end())
    out.characterised = it->second;
  const auto known = found.find(info.id);
  describe_timing(info, known == found.end() ? Characterisation{} : known->second, out);
  // The cost of a read differs from one opening to the next: a bound that holds for all leaves it
  // out.
  MeterInfo least = info;
  least.read_seconds = 0;
  out.shortest_window_seconds =
      ergon::shortest_window_seconds(least, most_watts, wanted_energy_error);
  out.primary = !chosen.empty() && &meter == chosen.front();
  return out;
}

Energy open_meters(const config::HardwareCatalogue& catalogue, const EvidenceOptions& options,
                   Clock& clock, const std::function<void(Energy&)>& settle) {
  const MeterChoice choice = choose_meters(options.meters);
  MeterContext context = context_from_environment(clock);
  context.commands = choice.commands;
  context.log = choice.log;
  context.model = power_model(catalogue);
  if (options.watts) {
    context.declared_watts = Estimate{*options.watts, *options.watts, *options.watts};
    context.declared_about = "--watts";
  }
  Energy energy;
  Probed probed = probe_all(context);
  energy.meters = std::move(probed.meters);
  energy.unavailable = std::move(probed.unavailable);
  settle(energy);
  choose(energy, choice.wanted, options.watts.has_value());
  return energy;
}

Maybe<record::Meter::Idle> measure_idle(Meter& meter, Clock& clock, double seconds) {
  constexpr int pieces = 3;
  constexpr double longest_piece_seconds = 20;
  const auto shortest =
      shortest_window_seconds(meter.info(), expected_watts(meter), 2 * wanted_energy_error);
  if (!shortest) return Absent{shortest.reason()};
  const double piece = std::max(*shortest, seconds / pieces);
  if (piece > longest_piece_seconds)
    return Absent{"an idle window would last " + std::to_string(piece) + " s"};
  const double lead = lead_seconds(meter.info());
  clock.sleep_until(clock.now_seconds() + lead);
  std::vector<double> watts;
  double widest_error = 0;
  for (int i = 0; i < pieces; ++i) {
    Recorder recorder(meter, clock);
    recorder.start();
    const double start = clock.now_seconds();
    clock.sleep_until(start + piece);
    const double end = clock.now_seconds();
    const auto joules = integrate(meter.info(), recorder.stop(), {start, end, lead});
    if (!joules) return Absent{joules.reason()};
    watts.push_back(joules->value / (end - start));
    widest_error = std::max(widest_error, joules->error / (end - start));
  }
  return idle_of(watts, widest_error);
}

}  // namespace ergon::measure
