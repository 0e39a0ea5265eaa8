#include "bench/meters/characterise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace ergon {
namespace {

constexpr int cycles = 3;
/// Changes that are enough to tell a period from one hiccup.
constexpr std::size_t enough_changes = 40;
constexpr double rapid_seconds = 0.25;
constexpr double patient_seconds = 12;
constexpr double patient_pause_seconds = 1e-3;
/// A plateau is seen within so many periods, and within so long where watts are averaged.
constexpr double step_periods = 12;
constexpr double least_counter_step_seconds = 0.2;
constexpr double least_watts_step_seconds = 3.5;
constexpr double readings_per_period = 10;
constexpr double longest_averaging_seconds = 3;

struct Change {
  double seconds = 0;
  double value = 0;  // from then on
};

std::vector<Change> changes_of(const Trace& trace) {
  std::vector<Change> changes;
  for (std::size_t i = 1; i < trace.size(); ++i)
    if (trace[i].value != trace[i - 1].value)
      changes.push_back({(trace[i].seconds + trace[i - 1].seconds) / 2, trace[i].value});
  return changes;
}

std::string first_fault(const Trace& trace) {
  for (const Reading& reading : trace)
    if (!reading.invalid.empty()) return reading.invalid;
  return {};
}

double quantile_of(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
}

/// Under load: rapidly at first, then with patience until the value has changed often enough.
Trace watch(Meter& meter, Clock& clock) {
  Trace trace;
  const double start = clock.now_seconds();
  read_until(meter, clock, start + rapid_seconds, 0, trace);
  if (changes_of(trace).size() >= enough_changes || !first_fault(trace).empty()) return trace;
  trace.clear();
  while (changes_of(trace).size() < enough_changes &&
         clock.now_seconds() < start + patient_seconds && first_fault(trace).empty())
    read_until(meter, clock, clock.now_seconds() + rapid_seconds, patient_pause_seconds, trace);
  return trace;
}

/// Updates that showed nothing new lengthen an interval by whole periods.
void find_period(const Trace& trace, Characterisation& found) {
  const std::vector<Change> changes = changes_of(trace);
  if (changes.size() < 3) return;
  std::vector<double> apart;
  for (std::size_t i = 1; i < changes.size(); ++i)
    apart.push_back(changes[i].seconds - changes[i - 1].seconds);
  const double usual = quantile_of(apart, 0.25);
  double periods = 0;
  for (const double seconds : apart) periods += std::max(1.0, std::round(seconds / usual));
  const double period = (changes.back().seconds - changes.front().seconds) / periods;
  double variance = 0;
  for (const double seconds : apart)
    variance += std::pow(seconds - period * std::max(1.0, std::round(seconds / usual)), 2);
  variance /= static_cast<double>(apart.size());
  // A change is seen within one reading, and comes within the jitter: an interval has two of each.
  const double reading =
      (trace.back().seconds - trace.front().seconds) / static_cast<double>(trace.size() - 1);
  found.period_seconds = period;
  found.jitter_seconds = std::sqrt(std::max(0.0, 6 * variance - reading * reading));
}

/// The largest step that all differences are multiples of. One finer than a thousandth of what the
/// value moves by cannot be told from rounding, and does not matter: then that thousandth.
void find_quantum(const Trace& trace, Characterisation& found) {
  constexpr double finest_share = 1e-3;
  std::vector<double> values, moves;
  for (const Reading& reading : trace) values.push_back(reading.value);
  for (std::size_t i = 1; i < values.size(); ++i)
    if (values[i] != values[i - 1]) moves.push_back(std::abs(values[i] - values[i - 1]));
  if (moves.empty()) return;
  const double finest = finest_share * quantile_of(moves, 0.5);
  std::sort(values.begin(), values.end());
  double common = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    double step = values[i] - values[i - 1];
    if (step <= finest) continue;
    double other = common;  // Euclid
    while (other > finest) step = std::exchange(other, std::abs(std::remainder(step, other)));
    common = step;
  }
  constexpr double told = 4;  // above the remainders that are left
  found.quantum = common > told * finest ? common : finest;
}

/// A counter that only ever moves by one quantum waits for the energy, not for its period: that is
/// then no longer than what its steps come early or late by.
void tell_quantum_from_period(const Trace& trace, Characterisation& found) {
  constexpr double rounding = 0.01;
  constexpr double most_longer = 0.05;
  std::size_t longer = 0;
  std::size_t steps = 0;
  for (std::size_t i = 1; i < trace.size(); ++i) {
    const double step = trace[i].value - trace[i - 1].value;
    if (step <= 0) continue;
    ++steps;
    if (step > *found.quantum * (1 + rounding)) ++longer;
  }
  if (static_cast<double>(longer) > most_longer * static_cast<double>(steps)) return;
  const double reading =
      (trace.back().seconds - trace.front().seconds) / static_cast<double>(trace.size() - 1);
  found.period_seconds = std::max(found.jitter_seconds, reading);
  found.jitter_seconds = 0;
}

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

Estimate estimate_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {sum / static_cast<double>(values.size()), *low, *high};
}

double step_seconds(Quantity quantity, double period, double jitter) noexcept {
  return std::max(step_periods * (period + jitter), quantity == Quantity::watts
                                                        ? least_watts_step_seconds
                                                        : least_counter_step_seconds);
}

void find_response(Meter& meter, Clock& clock, Load& load, Characterisation& found) {
  const bool watts = meter.info().quantity == Quantity::watts;
  const double period = found.period_seconds.value_or(patient_pause_seconds);
  const double length = step_seconds(meter.info().quantity, period, found.jitter_seconds);
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

/// Under load. Of a sum, each counter alone: how far the sum may be from the truth is then at most
/// the longest of their periods, and the root of the sum of their squared quanta.
void find_steps(Meter& meter, Clock& clock, Characterisation& found) {
  std::vector<Meter*> parts = meter.parts();
  if (parts.empty()) parts.push_back(&meter);
  double squares = 0;
  double longest = 0;
  for (Meter* part : parts) {
    const std::string whose = parts.size() > 1 ? part->info().id : "it";
    const Trace trace = watch(*part, clock);
    found.fault = first_fault(trace);
    if (found.fault.empty() && changes_of(trace).empty())
      found.fault = fmt::format("{} stands still: {} readings in {:.3g} s are the same", whose,
                                trace.size(), trace.back().seconds - trace.front().seconds);
    if (!found.fault.empty()) return;
    const Characterisation one = observed(trace, meter.info().quantity);
    if (!one.quantum || !one.period_seconds) {
      found.fault = fmt::format("{} changed too rarely in {:.3g} s to show its period", whose,
                                trace.back().seconds - trace.front().seconds);
      return;
    }
    squares += *one.quantum * *one.quantum;
    longest = std::max(longest, *one.period_seconds);
    found.jitter_seconds = std::max(found.jitter_seconds, one.jitter_seconds);
  }
  found.quantum = std::sqrt(squares);
  found.period_seconds = longest;
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

void read_until(Meter& meter, Clock& clock, double end, double pause, Trace& trace) {
  double next = clock.now_seconds();
  while (clock.now_seconds() < end) {
    trace.push_back(meter.read());
    if (pause <= 0) continue;
    next = std::max(next + pause, clock.now_seconds());
    clock.sleep_until(next);
  }
}

Characterisation observed(const Trace& trace, Quantity quantity) {
  Characterisation found;
  find_period(trace, found);
  find_quantum(trace, found);
  if (found.quantum && quantity == Quantity::cumulative_joules)
    tell_quantum_from_period(trace, found);
  return found;
}

double characterise_seconds(const MeterInfo& meter) noexcept {
  const double period = meter.period_seconds.value_or(patient_seconds);
  const double steps = step_seconds(meter.quantity, period, meter.jitter_seconds);
  const double watching =
      std::min(patient_seconds, static_cast<double>(enough_changes) * period) + rapid_seconds;
  return watching + 2 * cycles * steps;
}

std::unique_ptr<Meter> described(std::unique_ptr<Meter> meter, MeterInfo info) {
  return std::make_unique<Described>(std::move(meter), std::move(info));
}

Characterisation characterise(Meter& meter, Clock& clock, Load& load) {
  Characterisation found;
  load.set(true);
  const double start = clock.now_seconds();
  constexpr int timed_reads = 32;
  Trace trace;
  for (int i = 0; i < timed_reads; ++i) trace.push_back(meter.read());
  found.read_seconds = (clock.now_seconds() - start) / timed_reads;
  found.fault = first_fault(trace);
  if (found.fault.empty()) find_steps(meter, clock, found);
  if (found.fault.empty())
    find_response(meter, clock, load, found);
  else
    load.set(false);
  return found;
}

MeterInfo refined(MeterInfo info, const Characterisation& found) {
  (info.quantity == Quantity::watts ? info.quantum_watts : info.quantum_joules) = found.quantum;
  info.period_seconds = found.period_seconds;
  info.jitter_seconds = found.jitter_seconds;
  info.averaging_seconds = found.averaging_seconds;
  info.lag_seconds = found.lag_seconds;
  return info;
}

}  // namespace ergon
