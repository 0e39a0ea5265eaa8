// integrate() and shortest_window_seconds() on cumulative counters: figures and every named fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "bench/meters/meter.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;

MeterInfo counter() {
  MeterInfo info;
  info.id = "test";
  info.quantum_joules = 1e-4;
  info.period_seconds = 1e-3;
  return info;
}

/// A reading every 0.1 s of a machine that draws `watts`, from -1 s to 11 s.
Trace steady(double watts) {
  Trace trace;
  for (int i = -10; i <= 110; ++i) trace.push_back({0.1 * i, 1000 + watts * 0.1 * i, {}});
  return trace;
}

constexpr Window ten_seconds = {0, 10};

std::string fault(const MeterInfo& info, const Trace& trace, Window window = ten_seconds) {
  return integrate(info, trace, window).reason();
}

TEST(CounterEnergy, IsTheDifferenceOfTheReadingsAtTheEnds) {
  const auto joules = integrate(counter(), steady(50), ten_seconds);
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 500, 1e-9);
}

/// 1.96 times the root of what is uniform within these widths, in joules.
double combined(std::initializer_list<double> widths) {
  double variance = 0;
  for (const double width : widths) variance += width * width / 12;
  return 1.96 * std::sqrt(variance);
}

constexpr Window led_ten_seconds = {0, 10, 1};

TEST(CounterEnergy, DoesNotKnowWhereInAQuantumAPeriodAndAReadItIsAtEachEnd) {
  const MeterInfo info = counter();
  const auto joules = integrate(info, {{0, 0, {}}, {10, 500, {}}}, led_ten_seconds);
  EXPECT_NEAR(joules->error, combined({1e-4, 1e-4, 1e-3 * 50, 1e-3 * 50}), 1e-12);
  const auto slow = integrate(info, {{0, 0, {}, 5e-3}, {10, 500, {}, 5e-3}}, led_ten_seconds);
  EXPECT_NEAR(slow->error, combined({1e-4, 1e-4, 0.05, 0.05, 0.5, 0.5}), 1e-12);
}

TEST(CounterEnergy, WithoutALeadDoesNotKnowWhatTheFirstPeriodsShow) {
  const Trace trace = {{0, 0, {}}, {10, 500, {}}};
  const double led = integrate(counter(), trace, led_ten_seconds)->error;
  const double unled = integrate(counter(), trace, ten_seconds)->error;
  // A period, at none to twice the window's power.
  EXPECT_NEAR(unled * unled - led * led, std::pow(combined({2 * 50 * 1e-3}), 2), 1e-12);
}

TEST(CounterEnergy, InterpolatesBetweenReadingsAndDoesNotKnowWhatFlowedUpToTheNearest) {
  const auto joules = integrate(counter(), steady(50), {0.03, 9.92, 1});
  EXPECT_NEAR(joules->value, 50 * 9.89, 1e-9);
  EXPECT_NEAR(joules->error, combined({1e-4, 1e-4, 0.05, 0.05, 2 * 50 * 0.03, 2 * 50 * 0.02}),
              1e-9);
}

TEST(CounterEnergy, OfASlowCounterIsFollowedFromStepToStep) {
  MeterInfo info = counter();
  info.period_seconds = 0.1;
  Trace trace;
  for (double t = -1; t < 11; t += 0.0135) trace.push_back({t, 50 * 0.1 * std::floor(t / 0.1), {}});
  const auto joules = integrate(info, trace, {0.02, 9.97, 1});
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 50 * 9.95, joules->error);
  // By the ends alone a whole period would be unknown at each.
  EXPECT_LT(joules->error, combined({5, 5}) / 4);
}

TEST(CounterEnergy, IgnoresFaultsOutsideTheWindow) {
  Trace trace = steady(50);
  trace.front().invalid = "permission denied";
  trace.back().value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(integrate(counter(), trace, ten_seconds));
}

TEST(CounterEnergy, UnwrapsOnceByTheCountersOwnRange) {
  MeterInfo info = counter();
  info.counter_range_joules = 65'000.0;
  Trace trace = steady(50);
  for (Reading& reading : trace)
    if (reading.seconds > 4)
      reading.value += 64'750 - 65'000;
    else
      reading.value += 64'750;
  const auto joules = integrate(info, trace, ten_seconds);
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 500, 1e-9);
}

TEST(CounterFault, ABackwardStepWithoutARangeIsNamed) {
  Trace trace = steady(50);
  trace[60].value -= 100;
  EXPECT_THAT(fault(counter(), trace), HasSubstr("goes backwards"));
}

TEST(CounterFault, ABackwardStepBeyondTheRangeIsNamed) {
  MeterInfo info = counter();
  info.counter_range_joules = 600.0;
  Trace trace = steady(50);
  trace[60].value -= 700;
  EXPECT_THAT(fault(info, trace), HasSubstr("more than its range"));
}

TEST(CounterFault, AResetThatLooksLikeAWrapIsNamed) {
  MeterInfo info = counter();
  info.counter_range_joules = 262'000.0;
  Trace trace = steady(50);
  for (Reading& reading : trace)
    if (reading.seconds > 4) reading.value -= 1200;
  EXPECT_THAT(fault(info, trace), HasSubstr("jumps"));
}

TEST(CounterFault, ReadingsSoFarApartThatWrapsMayBeMissedAreNamed) {
  MeterInfo info = counter();
  info.counter_range_joules = 65'000.0;
  const Trace trace = {{0, 0, {}}, {1000, 50'000, {}}};
  EXPECT_THAT(fault(info, trace, {0, 1000}), HasSubstr("wrap more than once"));
}

TEST(CounterFault, APermissionLostWithinTheWindowIsTheReason) {
  Trace trace = steady(50);
  trace[60] = {trace[60].seconds, 0, "cannot read energy_uj: permission denied"};
  EXPECT_THAT(fault(counter(), trace), HasSubstr("permission denied"));
}

TEST(CounterFault, AReadingThatIsNotANumberIsNamed) {
  Trace trace = steady(50);
  trace[60].value = std::numeric_limits<double>::infinity();
  EXPECT_THAT(fault(counter(), trace), HasSubstr("not a number"));
}

TEST(CounterFault, ACounterThatNeverMovesIsNamed) {
  EXPECT_THAT(fault(counter(), steady(0)), HasSubstr("stands still"));
}

TEST(CounterFault, ACounterThatStopsInTheMiddleIsNamed) {
  Trace trace = steady(50);
  for (Reading& reading : trace)
    if (reading.seconds > 7) reading.value = 1350;
  EXPECT_THAT(fault(counter(), trace), HasSubstr("stands still"));
}

TEST(CounterFault, ACoarseCounterThatWaitsForItsNextStepDoesNotStandStill) {
  MeterInfo info = counter();
  info.quantum_joules = 50.0;
  info.period_seconds = 0.01;
  Trace trace = steady(100);
  for (Reading& reading : trace) reading.value = 50 * std::floor(reading.value / 50 + 1e-9);
  const auto joules = integrate(info, trace, ten_seconds);
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 1000, joules->error);
}

TEST(CounterFault, AWindowWithinOneStepOfTheCounterHasNoEnergy) {
  EXPECT_THAT(fault(counter(), {{0, 5, {}}, {0.004, 5, {}}}, {0, 0.004}), HasSubstr("too short"));
}

TEST(CounterFault, AWindowThatTheReadingsDoNotEncloseIsNamed) {
  for (const Window window : {Window{-2, 5}, Window{5, 12}, Window{20, 30}})
    EXPECT_THAT(fault(counter(), steady(50), window), HasSubstr("do not enclose"));
  EXPECT_THAT(fault(counter(), {}), HasSubstr("do not enclose"));
  EXPECT_THAT(fault(counter(), {{5, 1, {}}}), HasSubstr("do not enclose"));
}

TEST(CounterFault, AnEmptyWindowIsNamed) {
  for (const Window window :
       {Window{5, 5}, Window{6, 5}, Window{0, std::numeric_limits<double>::quiet_NaN()}})
    EXPECT_THAT(fault(counter(), steady(50), window), HasSubstr("window is empty"));
}

TEST(CounterFault, ReadingsOutOfOrderAreNamed) {
  Trace trace = steady(50);
  std::swap(trace[50], trace[60]);
  EXPECT_THAT(fault(counter(), trace), HasSubstr("out of order"));
}

TEST(CounterFault, ReadingsFarFromTheEndsAreTooSparse) {
  EXPECT_THAT(fault(counter(), {{-40, 0, {}}, {50, 4500, {}}}), HasSubstr("too sparse"));
}

TEST(CounterFault, WithoutQuantumOrPeriodThereIsNoFigure) {
  MeterInfo info = counter();
  info.period_seconds = Absent{"not probed"};
  EXPECT_THAT(fault(info, steady(50)), HasSubstr("period"));
}

TEST(ShortestWindow, OfACounterKeepsTheErrorItWasAskedFor) {
  MeterInfo info = counter();
  info.read_seconds = 1e-4;
  for (const double watts : {0.5, 20.0, 400.0}) {
    const double seconds = *shortest_window_seconds(info, watts, 0.02);
    const double slack = info.read_seconds / 2;
    const Trace trace = {{0, 0, {}, slack}, {seconds, watts * seconds, {}, slack}};
    const auto joules = integrate(info, trace, {0, seconds, 1});
    ASSERT_TRUE(joules) << joules.reason();
    EXPECT_LE(joules->error, 0.02 * joules->value * (1 + 1e-9)) << watts;
    EXPECT_GE(joules->error, 0.019 * joules->value) << watts;
  }
}

TEST(ShortestWindow, IsAbsentWithoutWhatItRestsOn) {
  MeterInfo info = counter();
  EXPECT_FALSE(shortest_window_seconds(info, 0, 0.02));
  EXPECT_FALSE(shortest_window_seconds(info, 50, 0));
  info.quantum_joules = Absent{"not probed"};
  EXPECT_FALSE(shortest_window_seconds(info, 50, 0.02));
  info = counter();
  info.period_seconds = Absent{"not probed"};
  EXPECT_FALSE(shortest_window_seconds(info, 50, 0.02));
}

}  // namespace
}  // namespace ergon
