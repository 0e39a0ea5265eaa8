// Of a sensor that no load of ours reaches, what it shows at idle.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "bench/meters/updates.h"

namespace ergon {
namespace {

/// For how long idle watts are looked at, at least.
constexpr double calm_seconds = 2;
constexpr double calm_periods = 12;
constexpr double readings_per_period = 10;
constexpr int thirds = 3;

Characterisation steps_of(Meter& meter, Clock& clock, const std::string& whose) {
  const Trace trace = watch(meter, clock);
  if (std::string fault = first_fault(trace); !fault.empty()) {
    Characterisation broken;
    broken.fault = fault;
    return broken;
  }
  const Quantity quantity = meter.info().quantity;
  Characterisation found = observed_at_idle(trace, quantity);
  if (quantity == Quantity::cumulative_joules) found.fault = fault_of_steps(trace, found, whose);
  if (found.fault.empty()) found.fault = fault_of_readings(refined(meter.info(), found), trace);
  return found;
}

double calm_seconds_of(double period) noexcept {
  return std::max(calm_seconds, calm_periods * period);
}

Maybe<double> mean_watts(const MeterInfo& info, const Trace& trace, double from, double to) {
  if (info.quantity == Quantity::cumulative_joules) {
    const auto joules = integrate(info, trace, {from, to});
    if (!joules) return Absent{joules.reason()};
    return joules->value / (to - from);
  }
  double sum = 0;
  std::size_t count = 0;
  for (const Reading& reading : trace) {
    if (reading.seconds < from || reading.seconds > to) continue;
    sum += reading.value;
    ++count;
  }
  if (count == 0) return Absent{fmt::format("no reading came within {:.3g} s", to - from)};
  return sum / static_cast<double>(count);
}

void find_idle_watts(Meter& meter, Clock& clock, Characterisation& found) {
  const MeterInfo info = refined(meter.info(), found);
  const double period = info.period_seconds.value_or(patient_pause_seconds);
  const double pause =
      std::max({period / readings_per_period, found.read_seconds, patient_pause_seconds});
  Trace trace;
  read_until(meter, clock, clock.now_seconds() + calm_seconds_of(period), pause, trace);
  found.fault = fault_of_readings(info, trace);
  if (!found.fault.empty()) return;
  const double start = trace.front().seconds;
  const double third = (trace.back().seconds - start) / thirds;
  std::vector<double> watts;
  for (int i = 0; i < thirds; ++i) {
    const auto mean = mean_watts(info, trace, start + i * third, start + (i + 1) * third);
    if (!mean) {
      found.idle_watts = Absent{mean.reason()};
      return;
    }
    watts.push_back(*mean);
  }
  found.idle_watts = estimate_of(watts);
}

}  // namespace

std::string why_no_load(const MeterInfo& meter) {
  return meter.part == Part::accelerator
             ? "the known load runs on processors, and this meter sees an accelerator"
             : "";
}

Characterisation characterise_idle(Meter& meter, Clock& clock) {
  Characterisation found;
  const Maybe<double> read_seconds = time_reads(meter, clock);
  if (read_seconds)
    found = of_parts(meter, [&](Meter& counter, const std::string& whose) {
      return steps_of(counter, clock, whose);
    });
  else
    found.fault = read_seconds.reason();
  found.read_seconds = read_seconds.value_or(0);
  const std::string why = why_no_load(meter.info());
  const Absent no_response{why.empty() ? "it was watched at idle only" : why};
  found.lag_seconds = no_response;
  found.averaging_seconds = no_response;
  found.busy_watts = no_response;
  if (found.fault.empty()) find_idle_watts(meter, clock, found);
  return found;
}

double characterise_idle_seconds(const MeterInfo& meter) noexcept {
  const double period = meter.period_seconds.value_or(patient_seconds);
  const bool may_repeat = meter.quantity == Quantity::watts;
  const double watching =
      may_repeat ? patient_seconds
                 : std::min(patient_seconds, static_cast<double>(enough_changes) * period);
  return rapid_seconds + watching + calm_seconds_of(period);
}

}  // namespace ergon
