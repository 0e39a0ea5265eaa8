// The machine and the sensors whose truth everything else is held against.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "bench/meters/simulator/sensor.h"

namespace ergon::simulator {
namespace {

PowerCurve quiet() {
  PowerCurve curve;
  curve.noise = 0;
  curve.ramp_seconds = 1e-6;
  return curve;
}

TEST(SimulatedMachine, DrawsIdleAndBusyWatts) {
  VirtualClock clock;
  Machine machine(quiet(), clock, 1);
  clock.advance(1);
  EXPECT_NEAR(machine.joules(1), 20, 1e-9);
  machine.load(true);
  clock.advance(2);
  EXPECT_NEAR(machine.joules(3) - machine.joules(1), 200, 0.1);
  EXPECT_NEAR(machine.watts(2), 100, 1e-9);
  machine.load(false);
  clock.advance(1);
  EXPECT_NEAR(machine.joules(4) - machine.joules(3), 20, 0.1);
}

TEST(SimulatedMachine, ItsEnergyIsTheSumOfItsWatts) {
  VirtualClock clock;
  PowerCurve curve;
  curve.drift_watts = 1;
  Machine machine(curve, clock, 2);
  machine.load(true);
  clock.advance(2);
  double sum = 0;
  for (int i = 0; i < 4000; ++i) sum += machine.watts(i * 0.5e-3 + 0.1e-3) * 0.5e-3;
  EXPECT_NEAR(sum, machine.joules(2), 1e-6);
  EXPECT_GT(machine.watts(1.9), 100);
}

TEST(SimulatedMachine, DoesNotTellTheFuture) {
  VirtualClock clock;
  Machine machine(quiet(), clock, 1);
  EXPECT_THROW(machine.joules(1), std::logic_error);
}

SensorTraits exact_counter() {
  SensorTraits traits;
  traits.quantum = 0.5;
  traits.period_seconds = 0.1;
  traits.read_seconds = 1e-6;
  return traits;
}

TEST(SimulatedSensor, ShowsWholeQuantaOfItsLatestUpdate) {
  VirtualClock clock;
  Machine machine(quiet(), clock, 1);
  Sensor sensor(exact_counter(), machine, 3);
  clock.advance(1);
  for (int i = 0; i < 50; ++i) {
    clock.advance(0.013);
    const Reading reading = sensor.read();
    EXPECT_NEAR(std::fmod(reading.value, 0.5), 0, 1e-9);
    const double truth = machine.joules(reading.seconds);
    EXPECT_LE(reading.value, truth + 1e-6);
    EXPECT_GE(reading.value, truth - 0.5 - 20 * 0.1 - 1e-3);
  }
}

TEST(SimulatedSensor, WrapsWhereItIsTold) {
  VirtualClock clock;
  Machine machine(quiet(), clock, 1);
  SensorTraits traits = exact_counter();
  traits.range_joules = 1000;
  Sensor sensor(traits, machine, 3);
  clock.advance(1);
  sensor.wrap_at(2, 20);
  clock.sleep_until(1.8);
  EXPECT_GT(sensor.read().value, 980);
  clock.sleep_until(2.3);
  EXPECT_LT(sensor.read().value, 20);
}

TEST(SimulatedSensor, BreaksWhenItIsTold) {
  for (const auto& [fault, words] :
       {std::pair(Fault::permission_lost, "permission"), std::pair(Fault::vanishes, "No such")}) {
    VirtualClock clock;
    Machine machine(quiet(), clock, 1);
    Sensor sensor(exact_counter(), machine, 3);
    sensor.break_at(fault, 1);
    clock.advance(0.5);
    EXPECT_EQ(sensor.read().invalid, "");
    clock.advance(1);
    EXPECT_NE(sensor.read().invalid.find(words), std::string::npos);
  }
}

TEST(SimulatedSensor, FreezesAtWhatItShowed) {
  VirtualClock clock;
  Machine machine(quiet(), clock, 1);
  Sensor sensor(exact_counter(), machine, 3);
  clock.advance(1);
  const double shown = sensor.read().value;
  sensor.break_at(Fault::freezes, 1);
  clock.advance(5);
  EXPECT_EQ(sensor.read().value, shown);
}

}  // namespace
}  // namespace ergon::simulator
