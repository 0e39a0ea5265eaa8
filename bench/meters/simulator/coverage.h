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
#include "bench/meters/simulator/tally.h"

namespace ergon::simulator {

/// Sensors as they are found: quanta from 1 uJ to 1 J, periods from 1 ms to 1 s.
const std::vector<SensorTraits>& sensors();

struct Coverage : Tally {
  std::string sensor;
  Fault fault = Fault::none;
};

/// `runs` windows of fresh machines and sensors, by seed.
Coverage cover(const SensorTraits& traits, Fault fault, int runs, std::uint64_t seed);

/// What characterise() says of the sensor in virtual time.
Characterisation characterise_simulated(const SensorTraits& traits, std::uint64_t seed,
                                        const PowerCurve& curve = {});

/// Markdown: sensors down, faults across.
std::string coverage_table(const std::vector<Coverage>& cells);
/// Markdown: what characterise() found beside what was built in.
std::string characterisation_table(std::uint64_t seed);

}  // namespace ergon::simulator
