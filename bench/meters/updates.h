// When a sensor updates and by what steps, read off its readings. Pure, but for what reads them.
#pragma once

#include <cstddef>
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

/// From call to value, or why reading fails.
void time_reads(Meter& meter, Clock& clock, Characterisation& found);

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

}  // namespace ergon
