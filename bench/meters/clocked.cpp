#include "bench/meters/clocked.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace ergon {
namespace {

constexpr int probe_reads = 20000;
/// Enough to tell the period from one hiccup; RAPL makes them in about 16 ms.
constexpr int probe_steps = 16;
constexpr int computed_reads = 16;
/// Counters that are summed here move every millisecond or so.
constexpr double longest_still_seconds = 50e-3;

/// What rapid reading shows of a counter.
struct Observed {
  int reads = 0;
  int steps = 0;
  double smallest_step = 0;
  double first_step_seconds = 0;
  double last_step_seconds = 0;
  double start_seconds = 0;
  double end_seconds = 0;
  double reading_seconds = 0;  // spent in all reads
  std::string fault;

  double read_seconds() const { return reading_seconds / reads; }
  /// With one step only, the time watched is the best bound there is.
  double period_seconds() const {
    if (steps < 2) return end_seconds - start_seconds;
    return (last_step_seconds - first_step_seconds) / (steps - 1);
  }
  void add_step(double joules, double seconds) {
    smallest_step = steps == 0 ? joules : std::min(smallest_step, joules);
    if (steps == 0) first_step_seconds = seconds;
    last_step_seconds = seconds;
    ++steps;
  }
};

Observed observe(Meter& meter, Clock& clock, double seconds) {
  Observed seen;
  seen.start_seconds = clock.now_seconds();
  Reading previous = meter.read();
  seen.fault = previous.invalid;
  seen.reads = 1;
  seen.reading_seconds = 2 * previous.slack_seconds;
  // A slow counter needs no more reads than a quick one, only a longer look.
  const double pause = seconds > quick_counter_seconds ? seconds / probe_reads : 0;
  while (seen.fault.empty() && seen.steps < probe_steps && seen.reads < probe_reads &&
         previous.seconds - seen.start_seconds < seconds) {
    if (pause > 0) clock.sleep_until(clock.now_seconds() + pause);
    Reading now = meter.read();
    ++seen.reads;
    seen.reading_seconds += 2 * now.slack_seconds;
    seen.fault = now.invalid;
    if (now.invalid.empty() && now.value > previous.value)
      seen.add_step(now.value - previous.value, now.seconds);
    previous = std::move(now);
  }
  seen.end_seconds = clock.now_seconds();
  return seen;
}

}  // namespace

ClockedMeter::ClockedMeter(MeterInfo info, Clock& clock, Source source,
                           std::vector<std::unique_ptr<Meter>> parts)
    : info_(std::move(info)), clock_(clock), source_(std::move(source)), parts_(std::move(parts)) {}

std::vector<Meter*> ClockedMeter::parts() {
  std::vector<Meter*> out;
  for (const auto& part : parts_) out.push_back(part.get());
  return out;
}

Reading ClockedMeter::read() {
  const double before = clock_.now_seconds();
  const Maybe<double> value = source_();
  const double after = clock_.now_seconds();
  const double slack = (after - before) / 2;
  Reading reading{before + slack, value.value_or(0), value.reason(), slack};
  if (reading.invalid.empty() && !std::isfinite(reading.value))
    reading.invalid = "the value is not a number";
  return reading;
}

namespace {

/// Not a value where one stands still while others move.
Source sum_of(std::vector<Summand> counters, Clock& clock) {
  struct Last {
    double joules;
    double since_seconds;
  };
  return [counters = std::move(counters), last = std::vector<Last>(),
          &clock]() mutable -> Maybe<double> {
    const double now = clock.now_seconds();
    const bool first = last.empty();
    if (first) last.assign(counters.size(), {0, now});
    double sum = 0;
    double moved = 0;
    for (std::size_t i = 0; i < counters.size(); ++i) {
      const Maybe<double> joules = counters[i].joules();
      if (!joules) {
        last.clear();
        return joules;
      }
      if (first || *joules != last[i].joules) last[i] = {*joules, now};
      moved = i == 0 ? last[i].since_seconds : std::max(moved, last[i].since_seconds);
      sum += *joules;
    }
    for (std::size_t i = 0; i < counters.size(); ++i) {
      if (moved - last[i].since_seconds <= longest_still_seconds) continue;
      // It may have been read just before all of them went on.
      const Maybe<double> again = counters[i].joules();
      if (!again || *again == last[i].joules)
        return Absent{again ? fmt::format("{} stands still for {:.3g} s while others move",
                                          counters[i].name, moved - last[i].since_seconds)
                            : again.reason()};
      sum += *again - last[i].joules;
      last[i] = {*again, now};
    }
    return sum;
  };
}

/// `info` with what reading rapidly shows, or why it is no meter.
std::variant<MeterInfo, Unavailable> looked_at(MeterInfo info, Clock& clock, const Source& joules,
                                               std::size_t counters, double seconds) {
  ClockedMeter trial(info, clock, joules);
  const Observed seen = observe(trial, clock, seconds);
  if (!seen.fault.empty()) return Unavailable{info.id, seen.fault, ""};
  if (seen.steps == 0)
    return Unavailable{info.id,
                       fmt::format("the counter stands still: {} reads within {:.0f} ms gave the "
                                   "same value, as a guest's counter without hardware does",
                                   seen.reads, (seen.end_seconds - seen.start_seconds) * 1e3),
                       ""};
  info.quantum_joules = seen.smallest_step * static_cast<double>(counters);
  info.period_seconds = seen.period_seconds() * static_cast<double>(counters);
  info.read_seconds = seen.read_seconds();
  return info;
}

/// A meter of `joules`, which are those of `parts` together.
Probe opened(MeterInfo info, Clock& clock, Source joules, std::size_t counters, double seconds,
             std::vector<std::unique_ptr<Meter>> parts) {
  auto looked = looked_at(std::move(info), clock, joules, counters, seconds);
  if (auto* none = std::get_if<Unavailable>(&looked)) return std::move(*none);
  return std::make_unique<ClockedMeter>(std::get<MeterInfo>(std::move(looked)), clock,
                                        std::move(joules), std::move(parts));
}

}  // namespace

Probe open_counter(MeterInfo info, Clock& clock, Source joules, std::size_t counters,
                   double seconds) {
  return opened(std::move(info), clock, std::move(joules), counters, seconds, {});
}

Probe open_sum(const MeterInfo& info, Clock& clock, const std::vector<Summand>& counters) {
  std::vector<std::unique_ptr<Meter>> parts;
  for (const Summand& counter : counters) {
    MeterInfo part = info;
    part.id = counter.name;
    parts.push_back(std::make_unique<ClockedMeter>(part, clock, counter.joules));
  }
  if (parts.size() == 1) parts.clear();
  return opened(info, clock, sum_of(counters, clock), counters.size(), quick_counter_seconds,
                std::move(parts));
}

Probe open_computed(MeterInfo info, Clock& clock, Source joules) {
  ClockedMeter trial(info, clock, joules);
  const double start = clock.now_seconds();
  for (int i = 0; i < computed_reads; ++i) {
    const Reading reading = trial.read();
    if (!reading.invalid.empty()) return Unavailable{info.id, reading.invalid, ""};
  }
  info.read_seconds = (clock.now_seconds() - start) / computed_reads;
  info.quantum_joules = 0.0;
  info.period_seconds = 0.0;
  return std::make_unique<ClockedMeter>(std::move(info), clock, std::move(joules));
}

double relative_uncertainty_of(const Estimate& estimate) noexcept {
  return std::max(estimate.high / estimate.value, estimate.value / estimate.low) - 1;
}

std::string fault_of_watts(const Estimate& watts) {
  if (std::isfinite(watts.high) && watts.low > 0 && watts.low <= watts.value &&
      watts.value <= watts.high)
    return {};
  return fmt::format("{} W (from {} to {}) is not a power with a range around it", watts.value,
                     watts.low, watts.high);
}

}  // namespace ergon
