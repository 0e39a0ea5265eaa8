// A machine whose watts are known, in virtual time.
//
// Power follows the load through a ramp, and carries noise. It is constant within cells, so its
// energy is an exact sum, which is what meters are judged by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "bench/base/clock.h"

namespace ergon::simulator {

struct PowerCurve {
  double idle_watts = 20;
  double busy_watts = 100;
  double ramp_seconds = 2e-3;   // time constant towards a new level
  double drift_watts = 0;       // per second under load: a chip that warms
  double noise = 0.02;          // standard deviation, as a share of the power
  double noise_seconds = 5e-3;  // time constant of its autocorrelation
  double cell_seconds = 0.5e-3;
};

class Machine {
 public:
  Machine(const PowerCurve& curve, Clock& clock, std::uint64_t seed);
  /// From now on.
  void load(bool on);
  /// Since the clock's zero, exact up to the latest cell; times to come are refused with
  /// std::logic_error.
  double joules(double seconds);
  double watts(double seconds);
  Clock& clock() const noexcept { return clock_; }

 private:
  void grow(double seconds);

  PowerCurve curve_;
  Clock& clock_;
  std::mt19937_64 random_;
  bool loaded_ = false;
  double loaded_since_ = 0;
  double level_;
  double noise_ = 0;
  std::vector<double> joules_before_{0};  // of each cell
};

}  // namespace ergon::simulator
