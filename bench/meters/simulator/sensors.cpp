// Quanta, periods and averaging of sensors as they are documented; docs/meters.md names them.
#include "bench/meters/simulator/coverage.h"

namespace ergon::simulator {
namespace {

struct Timing {
  double period, jitter, averaging, lag;
};
struct Cost {
  double read, wait;
};

SensorTraits counter(std::string name, Scope scope, double quantum, Timing timing, Cost cost,
                     double range) {
  SensorTraits traits;
  traits.name = std::move(name);
  traits.scope = scope;
  traits.quantum = quantum;
  traits.period_seconds = timing.period;
  traits.jitter_seconds = timing.jitter;
  traits.lag_seconds = timing.lag;
  traits.read_seconds = cost.read;
  traits.wait_seconds = cost.wait;
  traits.range_joules = range;
  return traits;
}

SensorTraits watts(std::string name, Scope scope, double quantum, Timing timing, Cost cost,
                   double noise) {
  SensorTraits traits = counter(std::move(name), scope, quantum, timing, cost, 0);
  traits.quantity = Quantity::watts;
  traits.provenance = Provenance::sampled;
  traits.averaging_seconds = timing.averaging;
  traits.noise_watts = noise;
  return traits;
}

}  // namespace

const std::vector<SensorTraits>& sensors() {
  static const std::vector<SensorTraits> all = {
      counter("perf", Scope::package, 61e-6, {1e-3, 50e-6, 0, 0}, {2e-6, 0}, 0),
      counter("powercap", Scope::package, 1e-6, {1e-3, 50e-6, 0, 0}, {20e-6, 0}, 262143.32885),
      counter("powercap of AMD", Scope::package, 15.3e-6, {1e-3, 50e-6, 0, 0}, {20e-6, 0},
              65532.610987),
      counter("counter of 1 J", Scope::package, 1, {1e-3, 0, 0, 0}, {20e-6, 0}, 1e5),
      counter("counter of 0.1 J", Scope::node, 0.1, {10e-3, 1e-3, 0, 0}, {100e-6, 0}, 0),
      counter("GPU's counter, 20 ms", Scope::board, 1e-3, {20e-3, 2e-3, 0, 5e-3}, {50e-6, 0}, 0),
      counter("GPU's counter, 100 ms", Scope::board, 1e-3, {0.1, 10e-3, 0, 30e-3}, {50e-6, 0}, 0),
      counter("plug's counter, 1 s", Scope::wall, 0.36, {1, 50e-3, 0, 0.2}, {2e-3, 10e-3}, 0),
      watts("GPU's watts, mean of 1 s", Scope::board, 1e-3, {0.1, 5e-3, 1, 0}, {50e-6, 0}, 0.2),
      watts("GPU's watts, 25 ms in 100", Scope::board, 1e-3, {0.1, 5e-3, 25e-3, 0}, {50e-6, 0},
            0.2),
      watts("rail, 10 ms", Scope::board, 0.04, {10e-3, 1e-3, 0, 0}, {100e-6, 0}, 0.5),
      watts("ACPI meter, 1 s", Scope::node, 1, {1, 20e-3, 1, 0}, {1e-3, 0}, 0.5),
      watts("IPMI, 1 s", Scope::node, 1, {1, 20e-3, 0.5, 0.3}, {2e-3, 0.1}, 1),
      watts("plug's watts, 1 s", Scope::wall, 0.1, {1, 20e-3, 1, 0.1}, {2e-3, 20e-3}, 0.2),
  };
  return all;
}

}  // namespace ergon::simulator
