// When a sensor updates and by what steps, read off its readings. Pure, but for what reads them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "bench/meters/characterise.h"

namespace ergon {

/// Changes that are enough to tell a period from one hiccup.
inline constexpr std::size_t enough_changes = 40;
/// A sensor is watched rapidly for so long, and then with patience.
inline constexpr double rapid_seconds = 0.25;
inline constexpr double patient_seconds = 12;
inline constexpr double patient_pause_seconds = 1e-3;
/// A sensor that does not say how often it updates, so long. Then a period of 15 s shows.
inline constexpr double very_patient_seconds = 60;

struct Change {
  double seconds = 0;
  double value = 0;  // from then on
};
/// Halfway between the readings that differ.
std::vector<Change> changes_of(const Trace& trace);

/// Empty where every reading counts.
std::string first_fault(const Trace& trace);

/// 0 <= p <= 1; `values` are some.
double quantile_of(std::vector<double> values, double p);

/// Reads until `end`, once per `pause`; back to back where that is 0.
void read_until(Meter& meter, Clock& clock, double end, double pause, Trace& trace);

/// Rapidly at first, then with patience until the value has changed enough_changes times.
Trace watch(Meter& meter, Clock& clock);

/// Goes on, for a minute in all, until the value has changed as often as a period takes.
void watch_on(Meter& meter, Clock& clock, Trace& trace);

/// From call to value, or why reading fails.
Maybe<double> time_reads(Meter& meter, Clock& clock);

/// Mean time between readings, of which there are two at least.
double mean_interval(const Trace& trace);

/// The largest step that all differences are multiples of. One finer than a thousandth of what the
/// value moves by cannot be told from rounding, and does not matter: then that thousandth.
Maybe<double> quantum_of(const Trace& trace);

/// Of a counter: hardly ever by more than `quantum` at a time.
bool moves_by_one(const Trace& trace, double quantum);

/// Why such a trace shows no period; `whose` is the sensor that is blamed. Empty where it does.
std::string fault_of_steps(const Trace& trace, const Characterisation& found,
                           const std::string& whose);

/// Quantum, period and jitter, as far as readings of steady power show them.
Characterisation observed(const Trace& trace);

/// The same where no load moves the value. Watts may then repeat themselves, so that an update
/// cannot be seen: what they show too rarely is absent, with the reason. A counter that moves by
/// one step only has it for its quantum and its period too, which is never too little.
Characterisation observed_at_idle(const Trace& trace, Quantity quantity);

/// Why readings are no measurement, by what `meter` says of itself: invalid, impossible, backwards
/// or, of a counter, standing still. Empty where they are one.
std::string fault_of_readings(const MeterInfo& meter, const Trace& trace);

/// What `observe` finds of the meter; or of each counter that it sums, alone: how far the sum may
/// be from the truth is at most the longest of their periods, and the root of the sum of their
/// squared quanta.
using Observe = std::function<Characterisation(Meter& counter, const std::string& whose)>;
Characterisation of_parts(Meter& meter, const Observe& observe);

/// Their mean, and the range they span.
Estimate estimate_of(const std::vector<double>& values);

}  // namespace ergon
