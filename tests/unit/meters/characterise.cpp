// What characterise() finds of sensors whose traits are known.
#include "bench/meters/characterise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/meters/clocked.h"
#include "bench/meters/recheck.h"
#include "bench/meters/simulator/coverage.h"

namespace ergon::simulator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Characterised : public testing::TestWithParam<SensorTraits> {
 protected:
  void SetUp() override { found_ = characterise_simulated(GetParam(), 11); }
  Characterisation found_;
};

TEST_P(Characterised, Works) { EXPECT_EQ(found_.fault, ""); }

TEST_P(Characterised, ItsPeriodIsFound) {
  ASSERT_TRUE(found_.period_seconds) << found_.period_seconds.reason();
  EXPECT_NEAR(*found_.period_seconds, GetParam().period_seconds, 0.1 * GetParam().period_seconds);
}

TEST_P(Characterised, ItsQuantumIsNotFoundTooCoarse) {
  ASSERT_TRUE(found_.quantum) << found_.quantum.reason();
  // Finer than a thousandth of what it moves by at a time, at 100 W, it does not matter.
  const bool watts = GetParam().quantity == Quantity::watts;
  const double moves = watts ? 4 * GetParam().noise_watts + 10 : 110 * GetParam().period_seconds;
  EXPECT_LE(*found_.quantum, std::max(1.01 * GetParam().quantum, 1e-3 * moves));
  if (GetParam().quantum > 10e-3 * moves) {
    EXPECT_GE(*found_.quantum, 0.99 * GetParam().quantum);
  }
}

TEST_P(Characterised, WhatItTrailsByIsFoundToAPeriod) {
  const double built_in = GetParam().lag_seconds + GetParam().averaging_seconds;
  const double found = *found_.lag_seconds + *found_.averaging_seconds;
  EXPECT_NEAR(found, built_in, 1.1 * GetParam().period_seconds + 3e-3);
}

TEST_P(Characterised, IdleAndLoadAreToldApart) {
  EXPECT_NEAR(found_.idle_watts->value, 20, 2);
  EXPECT_NEAR(found_.busy_watts->value, 100, 5);
}

INSTANTIATE_TEST_SUITE_P(Sensors, Characterised, testing::ValuesIn(sensors()),
                         [](const auto& given) { return std::to_string(given.index); });

/// Power without noise or drift: each period adds the same.
struct SteadySensor {
  double quantum, period;
};
class Steady : public testing::TestWithParam<SteadySensor> {
 protected:
  static constexpr double busy_watts = 100;
  double step_joules() const { return busy_watts * GetParam().period; }
  void SetUp() override {
    PowerCurve curve;
    curve.busy_watts = busy_watts;
    curve.noise = 0;
    SensorTraits traits = sensors().front();
    traits.quantum = GetParam().quantum;
    traits.period_seconds = GetParam().period;
    traits.jitter_seconds = 0;
    found_ = characterise_simulated(traits, 11, curve);
  }
  Characterisation found_;
};

TEST_P(Steady, ItsStepIsNotTakenForItsQuantum) {
  ASSERT_EQ(found_.fault, "");
  EXPECT_LE(*found_.quantum, std::max(1.01 * GetParam().quantum, 0.01 * step_joules()));
}

TEST_P(Steady, ItsPeriodIsFoundUnlessItWaitsForItsQuantum) {
  ASSERT_TRUE(found_.period_seconds) << found_.period_seconds.reason();
  if (GetParam().quantum > 2 * step_joules()) {
    EXPECT_NEAR(*found_.quantum, GetParam().quantum, 1e-3 * GetParam().quantum);
    EXPECT_LT(*found_.period_seconds, 1.1 * GetParam().period);
  } else {
    EXPECT_NEAR(*found_.period_seconds, GetParam().period, 0.1 * GetParam().period);
  }
}

INSTANTIATE_TEST_SUITE_P(Counters, Steady,
                         testing::Values(SteadySensor{1e-6, 1e-3}, SteadySensor{61e-6, 1e-3},
                                         SteadySensor{1e-3, 1e-3}, SteadySensor{1, 1e-3},
                                         SteadySensor{61e-6, 10e-3}, SteadySensor{1e-3, 10e-3},
                                         SteadySensor{0.1, 10e-3}, SteadySensor{2, 1e-3},
                                         SteadySensor{1e-6, 0.02}, SteadySensor{1e-3, 0.02},
                                         SteadySensor{1e-3, 0.1}, SteadySensor{0.1, 0.1},
                                         SteadySensor{0.02, 0.1}, SteadySensor{0.36, 1},
                                         SteadySensor{1e-3, 1}, SteadySensor{5, 1}),
                         [](const auto& given) { return std::to_string(given.index); });

/// As a battery's gauge: watts, and no word of how often they come.
Characterisation characterise_gauge(double period) {
  SensorTraits traits = sensors().back();
  traits.period_seconds = period;
  traits.jitter_seconds = 0.01 * period;
  traits.quantum = 1e-3;
  traits.averaging_seconds = 0;
  return characterise_simulated(traits, 11);
}

TEST(Characterise, ASlowGaugeThatDoesNotSayItsPeriodIsWaitedFor) {
  for (const double period : {1.0, 4.0, 10.0, 15.0}) {
    const Characterisation found = characterise_gauge(period);
    ASSERT_EQ(found.fault, "") << period;
    EXPECT_NEAR(*found.period_seconds, period, 0.1 * period);
    EXPECT_NEAR(found.busy_watts->value, 100, 5);
  }
}

TEST(Characterise, ASlowerGaugeSaysWhatWouldShowItsPeriod) {
  EXPECT_THAT(characterise_gauge(30).fault,
              AllOf(HasSubstr("changed 2 times in 6"),
                    HasSubstr("too rarely to show its period: that takes 3 changes")));
}

/// Loads nothing.
struct NoLoad final : Load {
  void set(bool) override {}
};

TEST(Characterise, ASensorThatDoesNotFollowTheLoadIsNamed) {
  VirtualClock clock;
  Machine machine({}, clock, 5);
  Sensor sensor(sensors().front(), machine, 6);
  NoLoad load;
  clock.advance(1);
  EXPECT_THAT(characterise(sensor, clock, load).fault, HasSubstr("does not follow the load"));
}

TEST(Characterise, ASensorThatStandsStillIsNamed) {
  VirtualClock clock;
  Machine machine({}, clock, 5);
  Sensor sensor(sensors().front(), machine, 6);
  NoLoad load;
  clock.advance(1);
  sensor.read();
  sensor.break_at(Fault::freezes, 0);
  EXPECT_THAT(characterise(sensor, clock, load).fault, HasSubstr("stands still"));
}

TEST(Characterise, ASensorThatCannotBeReadSaysWhy) {
  VirtualClock clock;
  Machine machine({}, clock, 5);
  Sensor sensor(sensors().front(), machine, 6);
  NoLoad load;
  sensor.break_at(Fault::permission_lost, 0);
  EXPECT_THAT(characterise(sensor, clock, load).fault, HasSubstr("permission"));
}

/// Package and memory, each moving once a millisecond, the second 50 us after the first.
struct PackageAndMemory {
  PackageAndMemory() {
    clock.sleep_until(1);
    MeterInfo info;
    info.id = "sum";
    Probe probe =
        open_sum(info, clock, {{"package", counter(0.8, 0)}, {"memory", counter(0.2, 50e-6)}});
    meter = std::move(std::get<std::unique_ptr<Meter>>(probe));
  }
  Source counter(double share, double phase) {
    return [this, share, phase]() -> Maybe<double> {
      clock.advance(2e-6);
      const double updated = std::floor((clock.now_seconds() - phase) / 1e-3) * 1e-3 + phase;
      const bool stuck = updated > stuck_from && share < 0.5;
      return std::floor(share * machine.joules(stuck ? stuck_from : updated) / 61e-6) * 61e-6;
    };
  }
  struct MachineLoad final : Load {
    explicit MachineLoad(Machine& its_machine) : machine(its_machine) {}
    void set(bool on) override { machine.load(on); }
    Machine& machine;
  };
  VirtualClock clock;
  Machine machine{{}, clock, 5};
  MachineLoad load{machine};
  double stuck_from = HUGE_VAL;
  std::unique_ptr<Meter> meter;
};

TEST(Characterise, CountersThatStepInTurnAreToldApart) {
  PackageAndMemory sum;
  const Characterisation found = characterise(*sum.meter, sum.clock, sum.load);
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(*found.period_seconds, 1e-3, 5e-5);
  EXPECT_NEAR(found.busy_watts->value, 100, 5);
  EXPECT_EQ(recheck(*sum.meter, sum.clock, sum.load, found), "");
  Characterisation other = found;
  other.period_seconds = 3e-3;
  EXPECT_THAT(recheck(*sum.meter, sum.clock, sum.load, other), HasSubstr("period"));
}

TEST(Characterise, ACounterThatStandsStillInASumIsNamed) {
  PackageAndMemory sum;
  sum.stuck_from = sum.clock.now_seconds();
  EXPECT_THAT(characterise(*sum.meter, sum.clock, sum.load).fault,
              HasSubstr("memory stands still"));
}

TEST(Characterise, ASumOfWhichOnePartStandsStillIsNoReading) {
  PackageAndMemory sum;
  sum.stuck_from = sum.clock.now_seconds();
  sum.clock.advance(0.04);
  EXPECT_EQ(sum.meter->read().invalid, "");
  sum.clock.advance(0.08);
  EXPECT_THAT(sum.meter->read().invalid, HasSubstr("memory stands still for"));
}

}  // namespace
}  // namespace ergon::simulator
