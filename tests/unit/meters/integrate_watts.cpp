// integrate() and shortest_window_seconds() on momentary watts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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
constexpr Window led_ten_seconds = {0, 10, 2};

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
  for (Reading& reading : trace) reading.value = 100 + 0.5 * reading.seconds;
  // A reading of a sensor that is updated every 0.1 s tells of 0.05 s earlier.
  EXPECT_NEAR(integrate(sampler(), trace, led_ten_seconds)->value, 1025.25, 1e-9);
}

TEST(SampledEnergy, IsKnownAsWellAsTheMeanOfItsReadings) {
  Trace trace = steady(300);
  for (std::size_t i = 0; i < trace.size(); ++i) trace[i].value += i % 2 == 0 ? 3 : -3;
  const auto joules = integrate(sampler(), trace, led_ten_seconds);
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 3000, joules->error);
  // Neighbours differ by 6 W: a variance of 18; 101 readings.
  EXPECT_NEAR(joules->error, 10 * 1.96 * std::sqrt(18.0 / 101), 0.15);
}

TEST(SampledEnergy, DoesNotKnowWhereInAStepOfTheReadingSteadyPowerIs) {
  MeterInfo info = sampler();
  info.quantum_watts = 2.0;
  EXPECT_NEAR(integrate(info, steady(300), led_ten_seconds)->error, 10 * 1.96 * 2 / std::sqrt(12),
              1e-9);
}

TEST(SampledEnergy, IsOfTheReadingsThatTellOfTheWindowAlone) {
  // A mean over a second, which still falls from 600 W when the window begins.
  MeterInfo info = sampler();
  info.averaging_seconds = 1;
  Trace trace = steady(300);
  for (Reading& reading : trace)
    if (reading.seconds < 1) reading.value = 600 - 300 * std::max(0.0, reading.seconds);
  const auto unled = integrate(info, trace, ten_seconds);
  ASSERT_TRUE(unled) << unled.reason();
  EXPECT_NEAR(unled->value, 3000, 1e-6);
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

TEST(SampledFault, ImpossiblePowerIsNamedTooWhereALaggingSensorTellsOfTheWindowAfterIt) {
  MeterInfo info = sampler();
  info.lag_seconds = 0.5;
  for (const double impossible : {-1.0, 1e6, 4294967295 * 1e-3}) {
    Trace trace = steady(300);
    trace[113].value = impossible;  // 0.3 s after it
    EXPECT_NE(integrate(info, trace, led_ten_seconds).reason(), "") << impossible;
    trace[113].value = 300;
    trace[118].value = impossible;  // tells of later
    EXPECT_EQ(integrate(info, trace, led_ten_seconds).reason(), "") << impossible;
  }
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

TEST(SampledFault, ASensorThatTrailsByMoreThanIsKnownOfItIsNamed) {
  // It takes a mean over five seconds, and nobody said so; the load began 2 s before the window.
  Trace trace = steady(300);
  for (Reading& reading : trace)
    reading.value = 50 + 250 * std::clamp((reading.seconds + 2) / 5, 0.0, 1.0);
  EXPECT_THAT(fault(trace, led_ten_seconds), HasSubstr("rise by"));
  MeterInfo info = sampler();
  info.averaging_seconds = 5;
  const auto joules = integrate(info, trace, {0, 10, 2});
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 3000, 1e-6);
}

TEST(SampledFault, NoisyReadingsAreNotTakenForRisingOnes) {
  Trace trace = steady(300);
  for (std::size_t i = 0; i < trace.size(); ++i)
    trace[i].value += (i % 3 == 0 ? -200 : 100) + (trace[i].seconds > 5 ? 35 : 0);
  EXPECT_EQ(fault(trace, led_ten_seconds), "");
}

TEST(SampledFault, AnInvalidReadingWithinTheWindowIsTheReason) {
  Trace trace = steady(300);
  trace[60].invalid = "permission denied";
  EXPECT_EQ(fault(trace), "permission denied");
}

TEST(SampledFault, AReadingThatOutlivesTheLoadIsNamed) {
  EXPECT_THAT(fault(steady(300), {0, 10, 1, true}), HasSubstr("though the load has ended"));
  EXPECT_EQ(fault(steady(300), {0, 10, 1, false}), "");
  Trace falls = steady(300);
  for (Reading& reading : falls)
    if (reading.seconds > 10) reading.value = 40;
  EXPECT_EQ(fault(falls, {0, 10, 1, true}), "");
}

TEST(ShortestWindow, OfASamplerHoldsEnoughReadings) {
  EXPECT_NEAR(*shortest_window_seconds(sampler(), 300, 0.02), 12 * 0.1 + 2 * 0.1, 1e-9);
  MeterInfo averaging = sampler();
  averaging.averaging_seconds = 1;
  EXPECT_NEAR(*shortest_window_seconds(averaging, 300, 0.02), 12 * 1.0 + 1.2, 1e-9);
  MeterInfo coarse = sampler();
  coarse.quantum_watts = 4.0;
  EXPECT_TRUE(shortest_window_seconds(coarse, 150, 0.02));
  EXPECT_THAT(shortest_window_seconds(coarse, 100, 0.02).reason(), HasSubstr("too coarse"));
}

}  // namespace
}  // namespace ergon
