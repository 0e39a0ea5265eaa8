#include "bench/meters/sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/median.h"
#include "bench/meters/plausible.h"
#include "bench/meters/updates.h"

namespace ergon {
namespace {

constexpr int pauses = 1000;
constexpr std::size_t enough_changes = 32;
constexpr std::size_t least_changes = 3;
constexpr int enough_reads = 8;

struct Seen {
  int reads = 0;
  double read_seconds = 0;  // all of them
  double highest = 0;
  Trace trace;
  std::vector<double> changes;  // when
  std::string fault;
};

Seen observe(Meter& meter, Clock& clock, double seconds, bool few) {
  Seen seen;
  const double start = clock.now_seconds();
  while (true) {
    const Reading now = meter.read();
    ++seen.reads;
    seen.read_seconds += 2 * now.slack_seconds;
    seen.fault = now.invalid.empty() ? fault_of_power(now.value, meter.info().scope) : now.invalid;
    if (!seen.fault.empty()) return seen;
    seen.highest = std::max(seen.highest, now.value);
    if (!seen.trace.empty() && now.value != seen.trace.back().value)
      seen.changes.push_back(now.seconds);
    seen.trace.push_back(now);
    if (few ? seen.reads >= enough_reads : seen.changes.size() >= enough_changes) return seen;
    const double next = clock.now_seconds() + seconds / pauses;
    if (next - start > seconds) return seen;
    clock.sleep_until(next);
  }
}

/// 120.5 W may be a sensor of half watts; 1e-6 W is the finest that hwmon tells.
double coarsest_unit(double watts) {
  constexpr double finest = 1e-6;
  double unit = finest;
  const auto fits = [&](double candidate) {
    const double count = watts / candidate;
    return std::abs(count - std::round(count)) < 1e-9 * std::max(1.0, count);
  };
  while (unit * 10 <= watts && fits(unit * 10)) unit *= 10;
  return unit;
}

Maybe<double> period_of(const std::vector<double>& changes, const Maybe<double>& otherwise) {
  if (changes.size() < least_changes) return otherwise;
  std::vector<double> apart;
  for (std::size_t i = 1; i < changes.size(); ++i) apart.push_back(changes[i] - changes[i - 1]);
  return median_of(std::move(apart));
}

}  // namespace

Probe open_sampler(MeterInfo info, Clock& clock, Source watts, const Sampling& sampling) {
  info.quantity = Quantity::watts;
  info.provenance = Provenance::sampled;
  ClockedMeter trial(info, clock, watts);
  const Seen seen = observe(trial, clock, sampling.seconds, info.period_seconds.has_value());
  if (!seen.fault.empty()) return Unavailable{info.id, seen.fault, ""};
  if (seen.highest == 0)
    return Unavailable{
        info.id, fmt::format("the sensor says 0 W, as often as it was read ({} times)", seen.reads),
        ""};
  if (!info.period_seconds)
    info.period_seconds = period_of(seen.changes, sampling.otherwise_period_seconds);
  if (!info.quantum_watts)
    info.quantum_watts = observed(seen.trace).quantum.value_or(coarsest_unit(seen.highest));
  info.quantum_joules = Absent{"watts are sampled, not counted"};
  info.read_seconds = seen.read_seconds / seen.reads;
  // A power that cannot be one is told with its reason at once, not when a trace is integrated.
  const auto checked = [watts = std::move(watts), scope = info.scope]() -> Maybe<double> {
    const auto now = watts();
    if (!now) return now;
    if (std::string fault = fault_of_power(*now, scope); !fault.empty()) return Absent{fault};
    return now;
  };
  return std::make_unique<ClockedMeter>(std::move(info), clock, checked);
}

}  // namespace ergon
