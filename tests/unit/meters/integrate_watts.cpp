// integrate() and shortest_window_seconds() on momentary watts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/meter.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;

MeterInfo sampler() {
  MeterInfo info;
  info.id = "test";
  info.scope = Scope::board;
  info.provenance = Provenance::sampled;
  info.quantity = Quantity::watts;
  info.period_seconds = 0.1;
  return info;
}

Trace steady(double watts) {
  Trace trace;
  for (int i = -10; i <= 110; ++i) trace.push_back({0.1 * i, watts, {}});
  return trace;
}

constexpr Window ten_seconds = {0, 10};

std::string fault(const Trace& trace, Window window = ten_seconds) {
  return integrate(sampler(), trace, window).reason();
}

TEST(SampledEnergy, OfSteadyPowerIsWattsTimesSecondsWithoutError) {
  const auto joules = integrate(sampler(), steady(300), {0.03, 9.97});
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 300 * 9.94, 1e-9);
  EXPECT_NEAR(joules->error, 0, 1e-9);
}

TEST(SampledEnergy, OfARampIsItsTrapezoid) {
  Trace trace = steady(0);
  for (Reading& reading : trace) reading.value = 100 + 10 * reading.seconds;
  EXPECT_NEAR(integrate(sampler(), trace, ten_seconds)->value, 1500, 1e-9);
}

TEST(SampledEnergy, OfAStepIsKnownToHalfTheStepForOneIntervalAndThePeriodAtTheEnds) {
  Trace trace = steady(100);
  for (Reading& reading : trace)
    if (reading.seconds > 4.95) reading.value = 300;
  const auto joules = integrate(sampler(), trace, ten_seconds);
  EXPECT_NEAR(joules->value, 4.95 * 100 + 5.05 * 300, 1e-9);
  EXPECT_NEAR(joules->error, 0.5 * 200 * 0.1 + 2 * 0.1 * 200, 1e-9);
}

TEST(SampledEnergy, CountsTheStepOfTheReadingThroughout) {
  MeterInfo info = sampler();
  info.quantum_joules = 0.1;  // 1 W over 0.1 s
  EXPECT_NEAR(integrate(info, steady(300), ten_seconds)->error, 10, 1e-9);
}

TEST(SampledFault, ASentinelIsNamed) {
  for (const double sentinel : {4294967295000 * 1e-6, 4294967295000 / 1e6, 4294967295 * 1e-6}) {
    Trace trace = steady(300);
    trace[60].value = sentinel;
    EXPECT_THAT(fault(trace), HasSubstr("sentinel")) << sentinel;
  }
}

TEST(SampledFault, ImpossiblePowerIsNamed) {
  Trace trace = steady(300);
  trace[60].value = -1;
  EXPECT_THAT(fault(trace), HasSubstr("-1 W"));
  trace[60].value = 1e6;
  EXPECT_THAT(fault(trace), HasSubstr("more than any machine draws"));
}

TEST(SampledFault, ASensorThatAlwaysSaysZeroIsNamed) {
  EXPECT_THAT(fault(steady(0)), HasSubstr("0 W throughout"));
}

TEST(SampledFault, AGapOfAThirdOfTheWindowIsTooSparse) {
  Trace trace = steady(300);
  std::erase_if(trace, [](const Reading& reading) {
    return reading.seconds > 3.01 && reading.seconds < 6.49;
  });
  EXPECT_THAT(fault(trace), HasSubstr("too sparse"));
  EXPECT_THAT(fault({{0, 300, {}}, {10, 300, {}}}), HasSubstr("too sparse"));
}

TEST(SampledFault, AnInvalidReadingWithinTheWindowIsTheReason) {
  Trace trace = steady(300);
  trace[60].invalid = "permission denied";
  EXPECT_EQ(fault(trace), "permission denied");
}

TEST(ShortestWindow, OfASamplerCoversAStepFromNothingAtItsEnds) {
  const double seconds = *shortest_window_seconds(sampler(), 300, 0.02);
  EXPECT_NEAR(seconds, 10, 1e-9);
  MeterInfo coarse = sampler();
  coarse.quantum_joules = 0.1;
  EXPECT_NEAR(*shortest_window_seconds(coarse, 100, 0.02), 20, 1e-9);
  EXPECT_THAT(shortest_window_seconds(coarse, 40, 0.02).reason(), HasSubstr("too coarse"));
}

}  // namespace
}  // namespace ergon
