// The error is a bound: for simulated meters in virtual time, the true energy lies within it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bench/meters/meter.h"

namespace ergon {
namespace {

/// Idle watts, then load from 1 s to 3 s that swings about its mean, then idle.
struct Machine {
  double idle_watts = 20;
  double load_watts = 100;
  double swing_watts = 0;
  static constexpr double swings_per_second = 37;

  double watts(double t) const {
    if (t < 1 || t > 3) return idle_watts;
    return load_watts + swing_watts * std::sin(2 * M_PI * swings_per_second * (t - 1));
  }
  /// Since t = 0; exact.
  double joules(double t) const {
    const double loaded = std::clamp(t - 1, 0.0, 2.0);
    const double angle = 2 * M_PI * swings_per_second;
    return idle_watts * (t - loaded) + load_watts * loaded +
           swing_watts * (1 - std::cos(angle * loaded)) / angle;
  }
};

struct Sensor {
  const char* name;
  double quantum_joules;
  double period_seconds;
  double lag_seconds;
  double jitter;  // share of the period by which updates come late
  double range_joules;
};

class SimulatedCounter : public testing::TestWithParam<Sensor> {
 protected:
  MeterInfo info() const {
    MeterInfo info;
    info.id = GetParam().name;
    info.quantum_joules = GetParam().quantum_joules;
    info.period_seconds = GetParam().period_seconds * (1 + GetParam().jitter);
    info.read_seconds = 1e-4;
    if (GetParam().range_joules > 0) info.counter_range_joules = GetParam().range_joules;
    return info;
  }
  /// What the sensor shows at `t`.
  double shows(const Machine& machine, double t) {
    const Sensor& sensor = GetParam();
    auto update = std::llround(std::floor(t / sensor.period_seconds));
    if (update_seconds(update) > t) --update;
    const double updated = update_seconds(update);
    const double truth = machine.joules(std::max(0.0, updated - sensor.lag_seconds));
    double shown = std::floor(truth / sensor.quantum_joules) * sensor.quantum_joules;
    if (sensor.range_joules > 0)
      shown = std::fmod(shown + 0.9 * sensor.range_joules, sensor.range_joules);
    return shown;
  }
  Reading read(const Machine& machine, double t) {
    // The value is taken somewhere within the read.
    const double taken = t + (uniform() - 0.5) * 1e-4;
    return {t, shows(machine, taken), {}};
  }
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

 private:
  /// An update comes late by up to `jitter` periods, and always equally late.
  double update_seconds(long long update) const {
    std::mt19937_64 own(static_cast<std::uint64_t>(update) * 2654435761U + 5);
    const double late = GetParam().jitter * static_cast<double>(own() >> 11) * 0x1p-53;
    return (static_cast<double>(update) + late) * GetParam().period_seconds;
  }
  std::mt19937_64 random_{11};
};

TEST_P(SimulatedCounter, KnowsTheEnergyOfALoadBetweenIdleTimesWithinItsError) {
  for (int i = 0; i < 300; ++i) {
    Machine machine;
    machine.idle_watts = 100 * uniform();
    machine.swing_watts = 40 * uniform();
    // Two readings only, right beside the window, which is the load or part of it.
    const Window window = {1 + 0.3 * uniform(), 3 - 0.3 * uniform()};
    const Trace trace = {read(machine, window.start_seconds - 1e-4 * uniform()),
                         read(machine, window.end_seconds + 1e-4 * uniform())};
    const auto joules = integrate(info(), trace, window);
    ASSERT_TRUE(joules) << joules.reason();
    const double truth = machine.joules(window.end_seconds) - machine.joules(window.start_seconds);
    ASSERT_NEAR(joules->value, truth, joules->error) << window.start_seconds;
  }
}

TEST_P(SimulatedCounter, PolledAtAnyRateKnowsTheEnergyWithinItsError) {
  for (const double interval : {0.3e-3, 2e-3, 17e-3, 110e-3}) {
    Machine machine;
    Trace trace;
    for (double t = 0.2; t < 4; t += interval * (0.5 + uniform()))
      trace.push_back(read(machine, t));
    for (int i = 0; i < 30; ++i) {
      const Window window = {1 + 0.5 * uniform(), 3 - 0.5 * uniform()};
      const auto joules = integrate(info(), trace, window);
      ASSERT_TRUE(joules) << joules.reason() << " polled every " << interval;
      const double truth =
          machine.joules(window.end_seconds) - machine.joules(window.start_seconds);
      ASSERT_NEAR(joules->value, truth, joules->error) << interval;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sensors, SimulatedCounter,
                         testing::Values(Sensor{"rapl", 61e-6, 1e-3, 0, 0, 0},
                                         Sensor{"coarse", 0.5, 1e-3, 0, 0, 0},
                                         Sensor{"slow", 1e-3, 0.1, 0, 0, 0},
                                         Sensor{"lagging", 1e-3, 0.05, 0.05, 0, 0},
                                         Sensor{"jittered", 1e-3, 0.02, 0, 0.8, 0},
                                         Sensor{"wrapping", 61e-6, 1e-3, 0, 0, 30000}),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(SimulatedSampler, KnowsTheEnergyWithinItsError) {
  MeterInfo info;
  info.quantity = Quantity::watts;
  info.scope = Scope::board;
  info.provenance = Provenance::sampled;
  info.period_seconds = 0.02;
  std::mt19937_64 random(7);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  for (int i = 0; i < 200; ++i) {
    Machine machine;
    machine.idle_watts = 10 + 90 * uniform();
    Trace trace;
    for (double t = 0.5; t < 3.5; t += 0.01 * (0.5 + uniform())) {
      // The sensor shows the power of its latest update.
      trace.push_back({t, machine.watts(std::floor(t / 0.02) * 0.02), {}});
    }
    const Window window = {0.8 + 0.4 * uniform(), 2.8 + 0.4 * uniform()};
    const auto joules = integrate(info, trace, window);
    ASSERT_TRUE(joules) << joules.reason();
    const double truth = machine.joules(window.end_seconds) - machine.joules(window.start_seconds);
    ASSERT_NEAR(joules->value, truth, joules->error + 1e-9);
  }
}

}  // namespace
}  // namespace ergon
