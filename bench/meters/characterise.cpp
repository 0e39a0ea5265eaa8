#include "bench/meters/characterise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/updates.h"

namespace ergon {
namespace {

constexpr int cycles = 3;
/// A plateau is seen within so many periods, and within so long where watts are averaged.
constexpr double step_periods = 12;
constexpr double least_counter_step_seconds = 0.2;
constexpr double least_watts_step_seconds = 3.5;
constexpr double readings_per_period = 10;
constexpr double longest_averaging_seconds = 3;
/// Of the load, while a counter that moves by one step only is watched; even, so that it ends on.
constexpr int switches = 6;
constexpr double switch_periods = 2;
constexpr double readings_per_switch = 50;

struct Line {
  double slope = 0;
  double middle = 0;
  double height = 0;  // at the middle
  double at(double x) const { return height + slope * (x - middle); }
};

Line line_through(const std::vector<Change>& points) {
  Line line;
  const auto n = static_cast<double>(points.size());
  for (const Change& point : points) {
    line.middle += point.seconds / n;
    line.height += point.value / n;
  }
  double along = 0;
  for (const Change& point : points) {
    line.slope += (point.seconds - line.middle) * (point.value - line.height);
    along += (point.seconds - line.middle) * (point.seconds - line.middle);
  }
  line.slope = along > 0 ? line.slope / along : 0;
  return line;
}

/// A phase of load or of none.
struct Phase {
  double start = 0, end = 0;
  Trace trace;
};

/// What the sensor showed in the last third of it.
std::vector<Change> plateau(const Phase& phase) {
  std::vector<Change> out;
  const double from = phase.start + (phase.end - phase.start) * 2 / 3;
  for (const Change& change : changes_of(phase.trace))
    if (change.seconds >= from) out.push_back(change);
  if (out.size() < 2)
    for (const Reading& reading : phase.trace)
      if (reading.seconds >= from) out.push_back({reading.seconds, reading.value});
  return out;
}

double plateau_watts(const Phase& phase, Quantity quantity) {
  const Line line = line_through(plateau(phase));
  return quantity == Quantity::watts ? line.height : line.slope;
}

struct Response {
  double lag = 0, averaging = 0;
};

/// The box that follows the readings best after a step from `before` to `after`.
Response fit_box(const Phase& phase, double before, double after, double period) {
  std::vector<Change> points = changes_of(phase.trace);
  Response best;
  double least = HUGE_VAL;
  const double grain = std::max(period / 4, (phase.end - phase.start) / 400);
  const auto averagings = static_cast<int>(longest_averaging_seconds / grain);
  const auto lags = static_cast<int>((phase.end - phase.start) / 3 / grain);
  for (int i = 0; i <= averagings; ++i)
    for (int j = 0; j <= lags; ++j) {
      const double averaging = i * grain;
      const double lag = j * grain;
      double error = 0;
      for (const Change& point : points) {
        const double into = point.seconds - phase.start - lag;
        const double share = averaging > 0 ? std::clamp(into / averaging, 0.0, 1.0) : into > 0;
        error += std::pow(point.value - before - (after - before) * share, 2);
      }
      if (error < least) {
        least = error;
        best = {lag, averaging};
      }
    }
  return best;
}

double meeting_lag(const Phase& idle, const Phase& busy) {
  const Line before = line_through(plateau(idle));
  const Line after = line_through(plateau(busy));
  if (after.slope == before.slope) return 0;
  // before.at(x) == after.at(x)
  const double x =
      (before.height - before.slope * before.middle - after.height + after.slope * after.middle) /
      (after.slope - before.slope);
  return std::max(0.0, x - busy.start);
}

double step_seconds(Quantity quantity, double period, double jitter) noexcept {
  return std::max(step_periods * (period + jitter), quantity == Quantity::watts
                                                        ? least_watts_step_seconds
                                                        : least_counter_step_seconds);
}

void find_response(Meter& meter, Clock& clock, Load& load, Characterisation& found) {
  const bool watts = meter.info().quantity == Quantity::watts;
  const double period = found.period_seconds.value_or(patient_pause_seconds);
  const double length = step_seconds(meter.info().quantity, period, *found.jitter_seconds);
  const double pause = std::max(period / readings_per_period, found.read_seconds);
  const auto phase = [&](bool on) {
    Phase out;
    load.set(on);
    out.start = clock.now_seconds();
    read_until(meter, clock, out.start + length, pause, out.trace);
    out.end = clock.now_seconds();
    return out;
  };
  std::vector<double> idle, busy, lags, averagings;
  for (int i = 0; i < cycles; ++i) {
    const Phase off = phase(false);
    const Phase on = phase(true);
    for (const Phase* part : {&off, &on})
      if (found.fault.empty()) found.fault = first_fault(part->trace);
    if (!found.fault.empty()) break;
    idle.push_back(plateau_watts(off, meter.info().quantity));
    busy.push_back(plateau_watts(on, meter.info().quantity));
    const Response response =
        watts ? fit_box(on, idle.back(), busy.back(), period) : Response{meeting_lag(off, on), 0};
    lags.push_back(response.lag);
    averagings.push_back(response.averaging);
  }
  load.set(false);
  if (!found.fault.empty()) return;
  found.idle_watts = estimate_of(idle);
  found.busy_watts = estimate_of(busy);
  found.lag_seconds = quantile_of(lags, 0.5);
  found.averaging_seconds = quantile_of(averagings, 0.5);
  if (found.idle_watts->high >= found.busy_watts->low)
    found.fault = fmt::format(
        "it does not follow the load: {:.4g} to {:.4g} W at idle, {:.4g} to {:.4g} W under load",
        found.idle_watts->low, found.idle_watts->high, found.busy_watts->low,
        found.busy_watts->high);
}

/// A counter that moves by one step at a time may wait for that much energy, or move each period by
/// what steady power adds. Where the load goes on and off, the first still moves by that step only,
/// and is then never later than its steps come early or late by; the second does not. The load
/// changes at other moments of the period each time, so that steps lie between both powers' too.
void tell_quantum_from_period(Meter& meter, Clock& clock, Load& load, Trace trace,
                              Characterisation& found) {
  if (!moves_by_one(trace, *found.quantum)) return;
  const double reading = mean_interval(trace);
  const double period = *found.period_seconds;
  for (int i = 0; i < switches; ++i) {
    load.set(i % 2 != 0);
    const double length = (switch_periods + (i + 0.5) / switches) * period;
    read_until(meter, clock, clock.now_seconds() + length, period / readings_per_switch, trace);
  }
  found.fault = first_fault(trace);
  found.quantum = quantum_of(trace);
  if (!moves_by_one(trace, *found.quantum)) return;
  found.period_seconds = std::max(*found.jitter_seconds, reading);
  found.jitter_seconds = 0.0;
}

/// Under load.
Characterisation steps_of(Meter& meter, Clock& clock, Load& load, const std::string& whose) {
  Trace trace = watch(meter, clock);
  if (!meter.info().period_seconds) watch_on(meter, clock, trace);
  Characterisation found = observed(trace);
  found.fault = fault_of_steps(trace, found, whose);
  if (found.fault.empty() && meter.info().quantity == Quantity::cumulative_joules)
    tell_quantum_from_period(meter, clock, load, trace, found);
  return found;
}

class Described final : public Meter {
 public:
  Described(std::unique_ptr<Meter> meter, MeterInfo info)
      : meter_(std::move(meter)), info_(std::move(info)) {}
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override { return meter_->read(); }
  std::vector<Meter*> parts() override { return meter_->parts(); }

 private:
  std::unique_ptr<Meter> meter_;
  MeterInfo info_;
};

}  // namespace

double characterise_seconds(const MeterInfo& meter) noexcept {
  const double period = meter.period_seconds.value_or(patient_seconds);
  const double steps = step_seconds(meter.quantity, period, meter.jitter_seconds);
  const double patience = meter.period_seconds ? patient_seconds : very_patient_seconds;
  const double watching =
      std::min(patience, static_cast<double>(enough_changes) * period) + rapid_seconds;
  const double switching = meter.quantity == Quantity::cumulative_joules
                               ? switches * (switch_periods + 0.5) * period
                               : 0;
  return watching + switching + 2 * cycles * steps;
}

std::unique_ptr<Meter> described(std::unique_ptr<Meter> meter, MeterInfo info) {
  return std::make_unique<Described>(std::move(meter), std::move(info));
}

Characterisation characterise(Meter& meter, Clock& clock, Load& load) {
  load.set(true);
  const Maybe<double> read_seconds = time_reads(meter, clock);
  Characterisation found;
  if (read_seconds)
    found = of_parts(meter, [&](Meter& counter, const std::string& whose) {
      return steps_of(counter, clock, load, whose);
    });
  else
    found.fault = read_seconds.reason();
  found.read_seconds = read_seconds.value_or(0);
  if (found.fault.empty())
    find_response(meter, clock, load, found);
  else
    load.set(false);
  return found;
}

MeterInfo refined(MeterInfo info, const Characterisation& found) {
  auto& quantum = info.quantity == Quantity::watts ? info.quantum_watts : info.quantum_joules;
  if (found.quantum) quantum = found.quantum;
  if (found.period_seconds) info.period_seconds = found.period_seconds;
  info.jitter_seconds = found.jitter_seconds.value_or(info.jitter_seconds);
  info.averaging_seconds = found.averaging_seconds.value_or(info.averaging_seconds);
  info.lag_seconds = found.lag_seconds.value_or(info.lag_seconds);
  return info;
}

}  // namespace ergon
