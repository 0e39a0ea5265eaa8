// What a sensor is: found out by reading it while a known load goes on and off.
//
// quantum        the largest value that all differences between readings are multiples of, or a
//                thousandth of what the value moves by at a time, where it is finer
// period, jitter from the times at which the value changes; an update that shows the same value
//                again is counted by the rest. A counter that moves by one step only waits for that
//                much energy, or is due what steady power adds: that of another power tells
// lag            counters: where the lines before and after a step of load meet; watts: with
// averaging      the box whose sliding mean follows the readings best (least squares)
//
// It takes three steps of load, each of so many periods of the sensor that its plateau is seen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/meters/meter.h"

namespace ergon {

/// All processors busy with multiply-adds, or none.
class Load {
 public:
  virtual ~Load() = default;
  virtual void set(bool on) = 0;
};

struct Characterisation {
  Maybe<double> quantum = Absent{"not seen"};  // joules or watts, as the meter's quantity says
  Maybe<double> period_seconds = Absent{"not seen"};
  Maybe<double> jitter_seconds = Absent{"not seen"};
  Maybe<double> averaging_seconds = Absent{"not seen"};
  Maybe<double> lag_seconds = Absent{"not seen"};
  double read_seconds = 0;                          // from call to value
  Maybe<Estimate> idle_watts = Absent{"not seen"};  // the range over the steps of load
  Maybe<Estimate> busy_watts = Absent{"not seen"};
  std::string fault;  // stands still, does not follow the load, a sentinel; empty where it works
};

/// Takes from a second to some minutes, by the sensor's period. The load is left off.
Characterisation characterise(Meter& meter, Clock& clock, Load& load);

/// Seconds that takes of a sensor that says so of itself, at most.
double characterise_seconds(const MeterInfo& meter) noexcept;

/// Why no load of ours shows on what the meter sees; empty where one does.
std::string why_no_load(const MeterInfo& meter);

/// What shows without a load: quantum, period and jitter, the cost of a read, watts at idle with
/// their range over thirds of the time, and whether it stands still, goes backwards or says what
/// cannot be. The response to a step of load (lag, averaging) and busy watts are absent. Watts that
/// do not change at idle are no fault; then their period and quantum are absent, with the reason.
Characterisation characterise_idle(Meter& meter, Clock& clock);

/// Seconds that takes, at most, of a sensor that says so of itself.
double characterise_idle_seconds(const MeterInfo& meter) noexcept;

/// `info` with what was found in place of what it said; what was not found stays.
MeterInfo refined(MeterInfo info, const Characterisation& found);

/// `meter`, which says `info` of itself from now on.
std::unique_ptr<Meter> described(std::unique_ptr<Meter> meter, MeterInfo info);

}  // namespace ergon
