#include "bench/meters/updates.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/plausible.h"

namespace ergon {
namespace {

constexpr std::size_t least_changes = 3;

/// Updates that showed nothing new lengthen an interval by whole periods.
void find_period(const Trace& trace, Characterisation& found) {
  const std::vector<Change> changes = changes_of(trace);
  if (changes.size() < least_changes) return;
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
  const double reading = mean_interval(trace);
  found.period_seconds = period;
  found.jitter_seconds = std::sqrt(std::max(0.0, 6 * variance - reading * reading));
}

/// Of watts at idle: from so many intervals on, of which so many must be multiples of a period.
constexpr std::size_t telling_intervals = 8;
constexpr double least_multiples = 0.9;
constexpr double multiple_share = 0.25;
/// So many different values tell a quantum.
constexpr std::size_t telling_values = 6;

bool fits_period(const Trace& trace, double period) {
  const std::vector<Change> changes = changes_of(trace);
  if (changes.size() <= telling_intervals) return false;
  std::size_t multiples = 0;
  for (std::size_t i = 1; i < changes.size(); ++i) {
    const double periods = (changes[i].seconds - changes[i - 1].seconds) / period;
    if (std::abs(periods - std::max(1.0, std::round(periods))) <= multiple_share) ++multiples;
  }
  return static_cast<double>(multiples) >=
         least_multiples * static_cast<double>(changes.size() - 1);
}

std::size_t different_values(const Trace& trace) {
  std::set<double> values;
  for (const Reading& reading : trace) values.insert(reading.value);
  return values.size();
}

}  // namespace

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

double mean_interval(const Trace& trace) {
  return (trace.back().seconds - trace.front().seconds) / static_cast<double>(trace.size() - 1);
}

void read_until(Meter& meter, Clock& clock, double end, double pause, Trace& trace) {
  double next = clock.now_seconds();
  while (clock.now_seconds() < end) {
    trace.push_back(meter.read());
    if (pause <= 0) continue;
    next = std::max(next + pause, clock.now_seconds());
    clock.sleep_until(next);
  }
}

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

Maybe<double> quantum_of(const Trace& trace) {
  constexpr double finest_share = 1e-3;
  std::vector<double> values, moves;
  for (const Reading& reading : trace) values.push_back(reading.value);
  for (std::size_t i = 1; i < values.size(); ++i)
    if (values[i] != values[i - 1]) moves.push_back(std::abs(values[i] - values[i - 1]));
  if (moves.empty()) return Absent{"the value did not change"};
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
  return common > told * finest ? common : finest;
}

bool moves_by_one(const Trace& trace, double quantum) {
  constexpr double rounding = 0.01;
  constexpr double most_longer = 0.05;
  std::size_t longer = 0;
  std::size_t steps = 0;
  for (std::size_t i = 1; i < trace.size(); ++i) {
    const double step = trace[i].value - trace[i - 1].value;
    if (step <= 0) continue;
    ++steps;
    if (step > quantum * (1 + rounding)) ++longer;
  }
  return static_cast<double>(longer) <= most_longer * static_cast<double>(steps);
}

void watch_on(Meter& meter, Clock& clock, Trace& trace) {
  const double end = trace.front().seconds + very_patient_seconds;
  while (changes_of(trace).size() < least_changes && clock.now_seconds() < end &&
         first_fault(trace).empty())
    read_until(meter, clock, clock.now_seconds() + rapid_seconds, patient_pause_seconds, trace);
}

Maybe<double> time_reads(Meter& meter, Clock& clock) {
  constexpr int reads = 32;
  const double start = clock.now_seconds();
  for (int i = 0; i < reads; ++i)
    if (std::string invalid = meter.read().invalid; !invalid.empty()) return Absent{invalid};
  return (clock.now_seconds() - start) / reads;
}

std::string fault_of_steps(const Trace& trace, const Characterisation& found,
                           const std::string& whose) {
  if (std::string fault = first_fault(trace); !fault.empty()) return fault;
  const double seconds = trace.back().seconds - trace.front().seconds;
  if (changes_of(trace).empty())
    return fmt::format("{} stands still: {} readings in {:.3g} s are the same", whose, trace.size(),
                       seconds);
  if (!found.quantum || !found.period_seconds)
    return fmt::format(
        "{} changed {} times in {:.3g} s, too rarely to show its period: that takes {} changes",
        whose, changes_of(trace).size(), seconds, least_changes);
  return {};
}

Characterisation observed(const Trace& trace) {
  Characterisation found;
  find_period(trace, found);
  found.quantum = quantum_of(trace);
  return found;
}

Characterisation observed_at_idle(const Trace& trace, Quantity quantity) {
  Characterisation found = observed(trace);
  if (quantity != Quantity::watts) return found;
  const double seconds = trace.back().seconds - trace.front().seconds;
  if (!found.period_seconds || !fits_period(trace, *found.period_seconds)) {
    const Absent reason{fmt::format(
        "at idle it changed {} times in {:.3g} s, too rarely to tell an update from a value that "
        "repeats",
        changes_of(trace).size(), seconds)};
    found.period_seconds = reason;
    found.jitter_seconds = reason;
  }
  if (const std::size_t values = different_values(trace); values < telling_values)
    found.quantum = Absent{fmt::format("at idle it showed {} different value{} in {:.3g} s", values,
                                       values == 1 ? "" : "s", seconds)};
  return found;
}

std::string fault_of_readings(const MeterInfo& meter, const Trace& trace) {
  if (std::string fault = first_fault(trace); !fault.empty()) return fault;
  if (meter.quantity == Quantity::cumulative_joules)
    return integrate(meter, trace, {trace.front().seconds, trace.back().seconds}).reason();
  for (const Reading& reading : trace)
    if (std::string fault = fault_of_power(reading.value, meter.scope); !fault.empty())
      return fault;
  return {};
}

Characterisation of_parts(Meter& meter, const Observe& observe) {
  const std::vector<Meter*> parts = meter.parts();
  if (parts.empty()) return observe(meter, "it");
  Characterisation sum;
  double squares = 0;
  double longest = 0;
  double jitter = 0;
  for (Meter* part : parts) {
    Characterisation one = observe(*part, part->info().id);
    if (!one.fault.empty()) return one;
    squares += *one.quantum * *one.quantum;
    longest = std::max(longest, *one.period_seconds);
    jitter = std::max(jitter, *one.jitter_seconds);
  }
  sum.quantum = std::sqrt(squares);
  sum.period_seconds = longest;
  sum.jitter_seconds = jitter;
  return sum;
}

Estimate estimate_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {sum / static_cast<double>(values.size()), *low, *high};
}

}  // namespace ergon
