// How often the joules of simulated sensors are what they say they are.
//
// Each sensor is characterised in virtual time, then measures windows of a load whose energy is
// known, with and without faults. A stated error is a 95 % interval: it must hold the truth that
// often, and must not be wider than twice what was needed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/meters/characterise.h"
#include "bench/meters/simulator/sensor.h"

namespace ergon::simulator {

/// Sensors as they are found: quanta from 1 uJ to 1 J, periods from 1 ms to 1 s.
const std::vector<SensorTraits>& sensors();

struct Coverage {
  std::string sensor;
  Fault fault = Fault::none;
  int within = 0;           // the truth lay within the stated error
  int outside = 0;          // it did not: meant for one in twenty
  int refused = 0;          // for the fault's reason
  int wrong = 0;            // off by four times the stated error, or refused for another reason
  std::string wrong_about;  // the first of these
  double stated = 0;        // median stated error, relative
  double achieved = 0;      // 95 % quantile of the actual one
  int figures() const noexcept { return within + outside; }
};

/// `runs` windows of fresh machines and sensors, by seed.
Coverage cover(const SensorTraits& traits, Fault fault, int runs, std::uint64_t seed);

/// What characterise() says of the sensor in virtual time.
Characterisation characterise_simulated(const SensorTraits& traits, std::uint64_t seed,
                                        const PowerCurve& curve = {});

/// Most of `runs` that may lie outside a 95 % interval before chance stops being an excuse: the
/// 99.9 % quantile of the binomial.
int most_outside(int runs);

/// Markdown: sensors down, faults across.
std::string coverage_table(const std::vector<Coverage>& cells);
/// Markdown: what characterise() found beside what was built in.
std::string characterisation_table(std::uint64_t seed);

}  // namespace ergon::simulator
