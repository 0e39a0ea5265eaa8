#include "bench/meters/align.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/meters/virtual_log.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;
using testing::VirtualRun;
using testing::VirtualSensor;

constexpr Interval hour{-3600, 3600};

/// What must be added to the log's stamps of the run's middle, with the sensor's lag.
double truth(const VirtualRun& run, const VirtualSensor& sensor, const Alignment& found) {
  const double at = (run.start_seconds + run.end_seconds) / 2;
  const double log = sensor.to_log(at, run.start_seconds);
  return found.to_run(log) - at + sensor.averaging_seconds / 2;
}

struct Outcome {
  int within = 0;
  int runs = 0;
  double squares = 0;
  double stated = 0;
};

Outcome outcome_of(const VirtualSensor& sensor, int rows, int runs) {
  Outcome outcome;
  for (int seed = 0; seed < runs; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed) + 1);
    const VirtualRun run = VirtualRun::make(rows, random);
    const auto found = align(run.known, sensor.log(run, random), hour);
    EXPECT_TRUE(found) << found.reason();
    if (!found) continue;
    const double error = truth(run, sensor, *found);
    ++outcome.runs;
    outcome.within += std::abs(error) <= found->error_seconds ? 1 : 0;
    outcome.squares += error * error;
    outcome.stated += found->error_seconds;
  }
  return outcome;
}

/// Of 200 at 95 %: fewer than 180 are within in one of a thousand tests.
void expect_honest(const VirtualSensor& sensor, int rows) {
  constexpr int runs = 200;
  const Outcome outcome = outcome_of(sensor, rows, runs);
  EXPECT_GE(outcome.within, 180);
  const double achieved = std::sqrt(outcome.squares / runs);
  EXPECT_LE(outcome.stated / runs, 2 * 1.96 * achieved + 0.15 * sensor.period_seconds);
}

TEST(Align, StatesTheErrorOfASamplingSensorsOffset) { expect_honest({}, 4); }

TEST(Align, StatesTheErrorOfAnAveragingSensorsOffset) {
  VirtualSensor sensor;
  sensor.averaging_seconds = 1;
  expect_honest(sensor, 4);
}

TEST(Align, StatesTheErrorOfANoisySensorsOffset) {
  VirtualSensor sensor;
  sensor.noise_watts = 10;
  expect_honest(sensor, 4);
}

TEST(Align, SeesTheEdgesOfLightRowsBesideHeavyOnes) {
  std::mt19937_64 random(3);
  VirtualRun run = VirtualRun::make(6, random);
  run.busy_watts = 160;
  run.light_watts = 70;
  run.light_from_seconds = run.windows[12].start_seconds - 60;  // of the fifth row
  const VirtualSensor sensor;
  const auto found = align(run.known, sensor.log(run, random), hour);
  ASSERT_TRUE(found) << found.reason();
  EXPECT_LE(std::abs(truth(run, sensor, *found)), 2 * found->error_seconds);
}

TEST(Align, StatesTheErrorOfADriftingClock) {
  VirtualSensor sensor;
  sensor.drift = 150e-6;
  expect_honest(sensor, 20);
}

TEST(Align, FindsTheDriftOfALongRun) {
  std::mt19937_64 random(3);
  VirtualSensor sensor;
  sensor.averaging_seconds = 1;
  sensor.drift = 150e-6;
  const VirtualRun run = VirtualRun::make(40, random);
  const auto found = align(run.known, sensor.log(run, random), hour);
  ASSERT_TRUE(found) << found.reason();
  EXPECT_NEAR(found->drift, -150e-6, found->drift_error);
  EXPECT_LT(found->drift_error, 100e-6);
}

TEST(Align, FindsTheOffsetOfALogThatCountsSecondsSinceAnything) {
  std::mt19937_64 random(3);
  VirtualSensor sensor;
  sensor.offset_seconds = -1e6 + 17;
  const VirtualRun run = VirtualRun::make(2, random);
  const auto found = align(run.known, sensor.log(run, random), {1e6 - 1000, 1e6 + 1000});
  ASSERT_TRUE(found) << found.reason();
  EXPECT_NEAR(truth(run, sensor, *found), 0, found->error_seconds);
}

TEST(Align, MeasuresTheSensorsAveragingAndTheIdlePower) {
  std::mt19937_64 random(3);
  VirtualSensor sensor;
  sensor.period_seconds = 0.5;
  sensor.averaging_seconds = 2;
  const VirtualRun run = VirtualRun::make(4, random);
  const auto found = align(run.known, sensor.log(run, random), hour);
  ASSERT_TRUE(found) << found.reason();
  EXPECT_NEAR(found->averaging_seconds, 2, 0.5);
  EXPECT_NEAR(found->idle_watts.value, 40, 0.5);
  EXPECT_LE(found->idle_watts.low, 40);
  EXPECT_GE(found->idle_watts.high, 40);
}

std::string refusal(const VirtualRun& run, const Trace& log, Interval search = hour) {
  const auto found = align(run.known, log, search);
  return found ? "aligned with an error of " + std::to_string(found->error_seconds) + " s"
               : found.reason();
}

class Refused : public ::testing::Test {
 protected:
  std::mt19937_64 random{5};
  VirtualRun run = VirtualRun::make(4, random);
  VirtualSensor sensor;
};

TEST_F(Refused, WhereIdleAndBusyAreNotToldApart) {
  run.busy_watts = run.idle_watts;
  std::uniform_real_distribution<double> anything(40, 40.02);
  Trace log = sensor.log(run, random);
  for (Reading& reading : log) reading.value = anything(random);
  EXPECT_THAT(refusal(run, log), HasSubstr("cannot align: the log shows no difference"));
}

TEST_F(Refused, WhereTheRunRepeatsItself) {
  VirtualRun same;
  for (int i = 0; i < 400; ++i)
    same.known.push_back({1e6 + 10 * i, 1e6 + 10 * i + 10 - 1e-4, i % 2 == 1});
  same.end_seconds = 1e6 + 4000;
  EXPECT_THAT(refusal(same, sensor.log(same, random, 600)), HasSubstr("fits almost as well"));
}

TEST_F(Refused, WhereTheLogDoesNotCoverTheRun) {
  Trace log = sensor.log(run, random);
  log.erase(log.begin() + static_cast<std::ptrdiff_t>(log.size() / 2), log.end());
  EXPECT_THAT(refusal(run, log), HasSubstr("cannot align"));
  EXPECT_THAT(refusal(run, log, {90000, 91000}), HasSubstr("does not reach the time of the run"));
}

TEST_F(Refused, WhereTheRunHasTooFewEdges) {
  run.known.resize(3);
  EXPECT_THAT(refusal(run, sensor.log(run, random)), HasSubstr("has 2 edges"));
}

TEST_F(Refused, WhereReadingsAreTooSparse) {
  sensor.period_seconds = 20;
  EXPECT_THAT(refusal(run, sensor.log(run, random)), HasSubstr("cannot align"));
  EXPECT_THAT(refusal(run, {}), HasSubstr("too few readings"));
}

TEST_F(Refused, WhereTheLogsClockStepsWithinTheRun) {
  for (const double step : {3.0, 30.0}) {
    Trace log = sensor.log(run, random);
    for (std::size_t i = log.size() / 2; i < log.size(); ++i) log[i].seconds += step;
    EXPECT_THAT(refusal(run, log), HasSubstr("cannot align")) << step;
  }
}

TEST_F(Refused, WhereTheLogsClockStepsBeforeTheLastOfManyEdges) {
  // Of 18 edges the last 4 would be too few to contradict the others.
  const double last_row = run.windows[run.windows.size() - 3].start_seconds - 12;
  for (const auto& [step, reason] :
       {std::pair{1.7, "clock steps by 1."}, std::pair{40.0, "clock steps by"}}) {
    Trace log = sensor.log(run, random);
    for (Reading& reading : log)
      if (reading.seconds - sensor.offset_seconds > last_row) reading.seconds += step;
    EXPECT_THAT(refusal(run, log), HasSubstr(reason));
  }
}

TEST_F(Refused, WhereTheLogsClockIsNoClock) {
  sensor.drift = 3e-3;
  run = VirtualRun::make(10, random);
  EXPECT_THAT(refusal(run, sensor.log(run, random)), HasSubstr("cannot align"));
}

TEST_F(Refused, WhereTheLogLastsForYears) {
  Trace log = sensor.log(run, random);
  log.back().seconds += 1e9;
  EXPECT_THAT(refusal(run, log), HasSubstr("lasts too long"));
}

TEST_F(Refused, NotWhereReadingsAreLost) {
  Trace log = sensor.log(run, random);
  log.erase(log.begin() + static_cast<std::ptrdiff_t>(log.size() / 2),
            log.begin() + static_cast<std::ptrdiff_t>(log.size() / 2) + 5);
  EXPECT_THAT(refusal(run, log), HasSubstr("aligned"));
}

}  // namespace
}  // namespace ergon
