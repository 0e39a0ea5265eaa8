#include "bench/meters/simulator/coverage.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/simulator/draw.h"

namespace ergon::simulator {
namespace {

constexpr double wanted_error = 0.02;
constexpr double longest_window_seconds = 120;
constexpr double settle_seconds = 0.05;
/// By which a thread wakes late.
constexpr double latest_wake_seconds = 2e-4;

class MachineLoad final : public Load {
 public:
  explicit MachineLoad(Machine& machine) : machine_(machine) {}
  void set(bool on) override { machine_.load(on); }

 private:
  Machine& machine_;
};

PowerCurve any_curve(Draw& draw) {
  PowerCurve curve;
  curve.idle_watts = draw.between(10, 40);
  curve.busy_watts = draw.between(60, 300);
  curve.ramp_seconds = draw.between(1e-3, 5e-3);
  curve.drift_watts = draw.between(0, 2e-4) * curve.busy_watts;
  curve.noise = draw.between(0, 0.03);
  curve.noise_seconds = draw.between(1e-3, 20e-3);
  return curve;
}

/// As a Recorder does, but in virtual time.
Trace record(Sensor& sensor, Clock& clock, double seconds, double lost_share, Draw& draw) {
  Trace trace{sensor.read()};
  const double end = clock.now_seconds() + seconds;
  if (const auto interval = reading_interval_seconds(sensor.info())) {
    double next = clock.now_seconds() + *interval;
    while (next + latest_wake_seconds < end) {
      clock.sleep_until(next + draw.between(0, latest_wake_seconds));
      const Reading reading = sensor.read();
      if (draw.between(0, 1) >= lost_share) trace.push_back(reading);
      next = std::max(next + *interval, clock.now_seconds());
    }
  }
  clock.sleep_until(end);
  return trace;
}

struct Outcome {
  Maybe<Joules> joules = Absent{"not measured"};
  double truth = 0;
};

Outcome measure(const SensorTraits& traits, const Characterisation& known, Fault fault,
                std::uint64_t seed) {
  Draw draw{std::mt19937_64(seed)};
  VirtualClock clock;
  const PowerCurve curve = any_curve(draw);
  Machine machine(curve, clock, seed * 3 + 1);
  SensorTraits mine = traits;
  mine.start_joules = traits.range_joules > 0 ? 0 : draw.between(0, 1e4);
  Sensor sensor(mine, machine, seed * 3 + 2);
  sensor.describe(refined(sensor.info(), known));
  clock.sleep_until(draw.between(0.1, 0.1 + traits.period_seconds));
  machine.load(true);
  const double lead = lead_seconds(sensor.info()) + settle_seconds;
  if (fault == Fault::slow_reads) sensor.break_at(fault, 0);
  if (fault == Fault::odd_range) sensor.break_at(fault, 0);
  const auto seconds = shortest_window_seconds(sensor.info(), curve.busy_watts, wanted_error);
  if (!seconds) return {Absent{seconds.reason()}, 0};
  if (*seconds > longest_window_seconds) return {Absent{"the window would be too long"}, 0};
  const double length = *seconds * draw.between(1, 1.3);
  const double start = clock.now_seconds() + lead;
  const double inside = start + length * draw.between(0.2, 0.8);
  if (fault == Fault::wraps_inside || fault == Fault::odd_range)
    sensor.wrap_at(inside, curve.busy_watts);
  else if (fault == Fault::wraps_at_the_edge)
    sensor.wrap_at(start + length - traits.period_seconds * draw.between(0, 1), curve.busy_watts);
  else if (fault != Fault::none && fault != Fault::slow_reads && fault != Fault::lost_samples)
    sensor.break_at(fault, inside);
  clock.sleep_until(start);
  Trace trace{sensor.read()};
  const double began = clock.now_seconds();
  const Trace between = record(sensor, clock, length, fault == Fault::lost_samples ? 0.3 : 0, draw);
  trace.insert(trace.end(), between.begin(), between.end());
  const double ended = clock.now_seconds();
  trace.push_back(sensor.read());
  machine.load(false);
  read_on(sensor, clock, trace);
  return {integrate(sensor.info(), trace, {began, ended, lead, true}),
          machine.joules(ended) - machine.joules(began)};
}

std::string measure_text(double value, const char* unit) {
  static constexpr struct {
    double factor;
    const char* prefix;
  } prefixes[] = {{1, ""}, {1e-3, "m"}, {1e-6, "u"}};
  constexpr double rounding = 0.9995;
  for (const auto& [factor, prefix] : prefixes)
    if (value >= rounding * factor) return fmt::format("{:.3g} {}{}", value / factor, prefix, unit);
  return value == 0 ? "0" : fmt::format("{:.2g} {}", value, unit);
}

}  // namespace

Characterisation characterise_simulated(const SensorTraits& traits, std::uint64_t seed,
                                        const PowerCurve& curve) {
  VirtualClock clock;
  Machine machine(curve, clock, seed);
  Sensor sensor(traits, machine, seed + 1);
  MachineLoad load(machine);
  clock.sleep_until(1);
  return characterise(sensor, clock, load);
}

Coverage cover(const SensorTraits& traits, Fault fault, int runs, std::uint64_t seed) {
  const Characterisation known = characterise_simulated(traits, seed);
  Tallying tallying(expected_reason(fault, traits.quantity));
  for (int run = 0; run < runs; ++run) {
    const Outcome outcome =
        measure(traits, known, fault, seed + 1000 * static_cast<std::uint64_t>(run + 1));
    tallying.add(outcome.joules, outcome.truth);
  }
  return {tallying.tally(), traits.name, fault};
}

std::string coverage_table(const std::vector<Coverage>& cells) {
  std::string text = "| sensor |";
  std::string rule = "|---|";
  for (const Fault fault : faults()) {
    text += fmt::format(" {} |", name(fault));
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (const SensorTraits& traits : sensors()) {
    text += fmt::format("| {} |", traits.name);
    for (const Fault fault : faults()) {
      const auto cell = std::find_if(cells.begin(), cells.end(), [&](const Coverage& c) {
        return c.sensor == traits.name && c.fault == fault;
      });
      text += cell == cells.end() ? " |" : fmt::format(" {} |", cell_text(*cell));
    }
    text += "\n";
  }
  return text;
}

std::string characterisation_table(std::uint64_t seed) {
  std::string text =
      "| sensor | quantum | period | jitter | averaging | lag | found quantum | period | jitter | "
      "averaging | lag |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const SensorTraits& traits : sensors()) {
    const Characterisation found = characterise_simulated(traits, seed);
    const char* unit = traits.quantity == Quantity::watts ? "W" : "J";
    text += fmt::format(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", traits.name,
        measure_text(traits.quantum, unit), measure_text(traits.period_seconds, "s"),
        measure_text(traits.jitter_seconds, "s"), measure_text(traits.averaging_seconds, "s"),
        measure_text(traits.lag_seconds, "s"), measure_text(found.quantum.value_or(0), unit),
        measure_text(found.period_seconds.value_or(0), "s"),
        measure_text(found.jitter_seconds.value_or(0), "s"),
        measure_text(found.averaging_seconds.value_or(0), "s"),
        measure_text(found.lag_seconds.value_or(0), "s"));
  }
  return text;
}

}  // namespace ergon::simulator
