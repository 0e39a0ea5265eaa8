// What characterise() finds of sensors whose traits are known.
#include "bench/meters/characterise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/simulator/coverage.h"

namespace ergon::simulator {
namespace {

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
  const double found = found_.lag_seconds + found_.averaging_seconds;
  EXPECT_NEAR(found, built_in, 1.1 * GetParam().period_seconds + 3e-3);
}

TEST_P(Characterised, IdleAndLoadAreToldApart) {
  EXPECT_NEAR(found_.idle_watts->value, 20, 2);
  EXPECT_NEAR(found_.busy_watts->value, 100, 5);
}

INSTANTIATE_TEST_SUITE_P(Sensors, Characterised, testing::ValuesIn(sensors()),
                         [](const auto& given) { return std::to_string(given.index); });

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

}  // namespace
}  // namespace ergon::simulator
