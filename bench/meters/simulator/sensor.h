// A sensor of a simulated machine, with what sensors are known to do to the truth.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "bench/meters/meter.h"
#include "bench/meters/simulator/machine.h"

namespace ergon::simulator {

struct SensorTraits {
  std::string name;
  Quantity quantity = Quantity::cumulative_joules;
  Provenance provenance = Provenance::counter;
  Scope scope = Scope::package;
  double quantum = 61e-6;  // joules or watts
  double period_seconds = 1e-3;
  double jitter_seconds = 0;     // an update comes late by up to this
  double averaging_seconds = 0;  // of watts; 0: the moment's
  double lag_seconds = 0;
  double noise_watts = 0;      // standard deviation of what is added to each reading of watts
  double read_seconds = 2e-6;  // of processor time
  double wait_seconds = 0;     // for an answer, beside that
  double range_joules = 0;     // where a counter wraps; 0: nowhere
  double start_joules = 0;     // of the counter at the clock's zero
};

enum class Fault {
  none,
  wraps_inside,       // in the middle of the window
  wraps_at_the_edge,  // in the last period before its end
  odd_range,          // a range that is no power of two
  slow_reads,         // each takes up to 50 ms more
  lost_samples,       // three readings in ten fail to come
  freezes,            // for good
  jumps_back,
  jumps_ahead,
  sentinel,
  permission_lost,
  vanishes,
};
std::string_view name(Fault fault) noexcept;
/// All of them, none first.
std::vector<Fault> faults();
/// Words that the reason of a refusal must hold; empty where there is a figure to be had.
std::vector<std::string> expected_reason(Fault fault, Quantity quantity);
/// Whether such a sensor can have it: watts do not wrap.
bool applies(Fault fault, const SensorTraits& traits) noexcept;

class Sensor final : public Meter {
 public:
  Sensor(SensorTraits traits, Machine& machine, std::uint64_t seed);
  /// What a fresh meter knows of itself; characterise() finds the rest.
  const MeterInfo& info() const noexcept override { return info_; }
  void describe(MeterInfo info) { info_ = std::move(info); }
  Reading read() override;
  /// From `seconds` on.
  void break_at(Fault fault, double seconds);
  /// Lets the counter pass its range's end once `seconds` come.
  void wrap_at(double seconds, double expected_watts);

 private:
  /// Time of the latest update not after `seconds`.
  double updated(double seconds);
  double value_at(double update);
  double uniform();

  SensorTraits traits_;
  Machine& machine_;
  MeterInfo info_;
  std::mt19937_64 random_;
  double phase_seconds_;
  Fault fault_ = Fault::none;
  double fault_seconds_ = 0;
  std::deque<double> updates_;  // the latest ones, rising
  double next_update_ = 0;
  std::int64_t next_index_ = 0;
  double shown_update_ = -1;
  double shown_value_ = 0;
};

}  // namespace ergon::simulator
