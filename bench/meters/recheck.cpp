#include "bench/meters/recheck.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/median.h"
#include "bench/meters/updates.h"

namespace ergon {
namespace {

constexpr double least_phase_seconds = 0.25;
constexpr double longest_phase_seconds = 1;
constexpr double phase_periods = 2.5;  // where they take longer than that
constexpr double wanted_periods = 10;
constexpr double quanta_per_phase = 4;
constexpr double readings_per_period = 10;
constexpr double least_pause_seconds = 1e-4;
/// By which a period may differ.
constexpr double period_share = 0.15;
/// So many changes show a period, and so many where a value may repeat, its quantum being more than
/// this share of what it moves by.
constexpr std::size_t few_changes = 5;
constexpr std::size_t many_changes = 20;
constexpr double repeating_share = 0.2;
/// A quantum below this share of what the value moves by was not told from finer ones.
constexpr double telling_share = 0.02;
/// Steps of so many quanta are multiples of it in spite of rounding.
constexpr double most_quanta = 20;
constexpr double rounding_share = 0.1;
constexpr double least_multiples = 0.9;
constexpr double least_rise = 0.25;

double phase_seconds(const Characterisation& known) noexcept {
  const double period = known.period_seconds.value_or(0);
  const double settled = known.lag_seconds.value_or(0) + known.averaging_seconds.value_or(0) +
                         known.jitter_seconds.value_or(0) + phase_periods * period;
  double quanta = 0;
  if (known.quantum && known.idle_watts && known.idle_watts->value > 0 &&
      known.averaging_seconds.value_or(0) == 0)
    quanta = quanta_per_phase * *known.quantum / known.idle_watts->value;
  return std::clamp(std::max({settled, quanta, wanted_periods * period}), least_phase_seconds,
                    std::max(longest_phase_seconds, phase_periods * period));
}

/// At the end of the phase: of a counter between changes, for the first may tell of before.
double watts_of(const MeterInfo& meter, const Trace& trace) {
  if (meter.quantity == Quantity::watts) {
    const std::size_t from = trace.size() - std::max<std::size_t>(1, trace.size() / 5);
    double sum = 0;
    for (std::size_t i = from; i < trace.size(); ++i) sum += trace[i].value;
    return sum / static_cast<double>(trace.size() - from);
  }
  std::vector<Change> points = changes_of(trace);
  if (points.size() < 2)
    points = {{trace.front().seconds, trace.front().value},
              {trace.back().seconds, trace.back().value}};
  const Change& from = points[points.size() < 3 ? 0 : points.size() / 2];
  const Change& to = points.back();
  double joules = to.value - from.value;
  if (joules < 0) joules += meter.counter_range_joules.value_or(0);
  return to.seconds > from.seconds ? joules / (to.seconds - from.seconds) : 0;
}

/// A counter that moves by one quantum at a time waits for energy; its period is then unknown.
bool waits_for_energy(const MeterInfo& meter, const Characterisation& known) {
  constexpr double clearly = 2;
  return meter.quantity == Quantity::cumulative_joules && known.quantum && known.busy_watts &&
         known.period_seconds &&
         *known.quantum > clearly * known.busy_watts->value * *known.period_seconds;
}

/// At idle, by so much of what a period adds that the quantum and the period were not told apart.
bool moved_by_one(const MeterInfo& meter, const Characterisation& known) {
  constexpr double clearly = 0.5;
  return meter.quantity == Quantity::cumulative_joules && known.quantum && known.idle_watts &&
         known.period_seconds &&
         *known.quantum > clearly * known.idle_watts->value * *known.period_seconds;
}

double pause_of(const Characterisation& known) noexcept {
  return std::max({known.period_seconds.value_or(0) / readings_per_period, known.read_seconds,
                   least_pause_seconds});
}

std::vector<double> moves_of(const Trace& trace) {
  std::vector<double> moves;
  for (std::size_t i = 1; i < trace.size(); ++i)
    if (trace[i].value != trace[i - 1].value)
      moves.push_back(std::abs(trace[i].value - trace[i - 1].value));
  return moves;
}

/// 0 where there is none.
double usual_move(const std::vector<double>& moves) { return moves.empty() ? 0 : median_of(moves); }

std::string compare_period(const MeterInfo& meter, const Characterisation& known,
                           const Trace& trace, const Maybe<double>& seen) {
  if (!known.period_seconds || waits_for_energy(meter, known)) return {};
  const double period = *known.period_seconds;
  const double seconds = trace.back().seconds - trace.front().seconds;
  const std::size_t count = changes_of(trace).size();
  const bool counts = meter.quantity == Quantity::cumulative_joules;
  constexpr double fewest_share = 0.25;
  if (counts && static_cast<double>(count) < fewest_share * (seconds / period - 2))
    return fmt::format("it changed {} times in {:.3g} s, and its period was {:.3g} s", count,
                       seconds, period);
  if (!seen) return {};
  const double reading = seconds / static_cast<double>(trace.size() - 1);
  const double spread = period_share * period + (known.jitter_seconds.value_or(0) + reading) /
                                                    std::sqrt(static_cast<double>(count));
  const bool repeats =
      !counts && known.quantum.value_or(0) > repeating_share * usual_move(moves_of(trace));
  const bool longer = *seen > period + spread && count >= (repeats ? many_changes : few_changes);
  if (!longer && *seen >= period - spread) return {};
  return fmt::format("its period is {:.3g} s and was {:.3g} s", *seen, period);
}

std::string compare_quantum(const Characterisation& known, const Trace& trace) {
  const std::vector<double> moves = moves_of(trace);
  const double middle = usual_move(moves);
  if (!known.quantum || moves.empty()) return {};
  const double quantum = *known.quantum;
  if (quantum < telling_share * middle) return {};
  std::size_t small = 0;
  std::size_t multiples = 0;
  for (const double move : moves) {
    if (move > most_quanta * quantum) continue;
    ++small;
    if (std::abs(std::remainder(move, quantum)) <= rounding_share * quantum) ++multiples;
  }
  if (static_cast<double>(multiples) >= least_multiples * static_cast<double>(small)) return {};
  return fmt::format("{} of {} changes are no multiples of its quantum, which was {:.3g}",
                     small - multiples, small, quantum);
}

std::string compare_gain(const MeterInfo& meter, const Characterisation& known, const Trace& idle,
                         const Trace& busy) {
  const double before = watts_of(meter, idle);
  const double under = watts_of(meter, busy);
  double least = 0;
  if (known.idle_watts && known.busy_watts)
    least = least_rise * (known.busy_watts->value - known.idle_watts->value);
  if (under > before && under - before >= least) return {};
  return fmt::format(
      "it does not follow the load: {:.4g} W before it and {:.4g} W under it (or others keep this "
      "machine busy)",
      before, under);
}

/// The longest period of the counters is that of the sum; their quanta are not told apart in it.
std::string compare_parts(const MeterInfo& meter, const Characterisation& known,
                          const std::vector<Trace>& traces) {
  std::string first;
  for (const Trace& trace : traces) {
    const std::string difference =
        compare_period(meter, known, trace, observed(trace).period_seconds);
    if (difference.empty()) return {};
    if (first.empty()) first = difference;
  }
  return first;
}

std::string fault_of(const Trace& trace) {
  for (const Reading& reading : trace)
    if (!reading.invalid.empty()) return reading.invalid;
  return trace.size() < 2 ? "it could not be read twice" : "";
}

/// The load goes off again, whatever is thrown.
class Switched {
 public:
  explicit Switched(Load& load) : load_(load) { load_.set(true); }
  ~Switched() { load_.set(false); }
  Switched(const Switched&) = delete;
  Switched& operator=(const Switched&) = delete;

 private:
  Load& load_;
};

}  // namespace

double recheck_seconds(const Characterisation& known) noexcept { return 2 * phase_seconds(known); }

std::string recheck(Meter& meter, Clock& clock, Load& load, const Characterisation& known) {
  const double length = phase_seconds(known);
  const std::vector<Meter*> parts = meter.parts();
  const double pause = pause_of(known);
  const auto read_for = [&](Trace& trace) {
    read_until(meter, clock, clock.now_seconds() + length, pause, trace);
  };
  Trace idle, busy;
  std::vector<Trace> of_parts(parts.size());
  load.set(false);
  read_for(idle);
  {
    const Switched on(load);
    read_for(busy);
    const double share = length / static_cast<double>(std::max<std::size_t>(1, parts.size()));
    for (std::size_t i = 0; i < parts.size(); ++i)
      read_until(*parts[i], clock, clock.now_seconds() + share, pause, of_parts[i]);
  }
  std::vector<const Trace*> traces = {&idle, &busy};
  for (const Trace& trace : of_parts) traces.push_back(&trace);
  for (const Trace* trace : traces)
    if (std::string fault = fault_of(*trace); !fault.empty()) return fault;
  if (std::string difference = compare_gain(meter.info(), known, idle, busy); !difference.empty())
    return difference;
  if (!parts.empty()) return compare_parts(meter.info(), known, of_parts);
  Trace all = idle;
  all.insert(all.end(), busy.begin(), busy.end());
  for (std::string difference :
       {compare_period(meter.info(), known, all, observed(all).period_seconds),
        compare_quantum(known, busy)})
    if (!difference.empty()) return difference;
  return {};
}

std::string recheck_idle(Meter& meter, Clock& clock, const Characterisation& known) {
  const MeterInfo info = refined(meter.info(), known);
  Trace trace;
  read_until(meter, clock, clock.now_seconds() + recheck_seconds(known), pause_of(known), trace);
  if (std::string fault = fault_of(trace); !fault.empty()) return fault;
  if (info.quantity == Quantity::cumulative_joules && changes_of(trace).empty())
    return fmt::format("it stands still for {:.3g} s",
                       trace.back().seconds - trace.front().seconds);
  if (std::string fault = fault_of_readings(info, trace); !fault.empty()) return fault;
  // Neither shows in a sum, nor in steps that idle watts of another day make longer or later.
  if (!meter.parts().empty() || moved_by_one(info, known)) return {};
  const Maybe<double> seen = observed_at_idle(trace, info.quantity).period_seconds;
  for (std::string difference :
       {compare_period(info, known, trace, seen), compare_quantum(known, trace)})
    if (!difference.empty()) return difference;
  return {};
}

}  // namespace ergon
