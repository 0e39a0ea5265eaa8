// The energy pass: what each meter is given, what is kept, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/measure/evidence.h"
#include "tests/unit/measure/bench.h"

namespace ergon::measure {
namespace {

using testing::Behaviour;
using testing::FakeImplementation;
using ::testing::HasSubstr;
using ::testing::Not;

/// Counts exactly, at so many watts; its period of 0 needs no thread.
class SteadyMeter final : public Meter {
 public:
  SteadyMeter(Clock& clock, std::string id, double watts) : clock_(clock), watts_(watts) {
    info_.id = std::move(id);
    info_.quantum_joules = 0.0;
    info_.period_seconds = 0.0;
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override { return {clock_.now_seconds(), watts_ * clock_.now_seconds(), {}}; }
  MeterInfo info_;

 private:
  Clock& clock_;
  double watts_;
};

/// Whole watts, as of a BMC.
class WholeWatts final : public Meter {
 public:
  WholeWatts(Clock& clock, double watts) : clock_(clock), watts_(watts) {
    info_.quantity = Quantity::watts;
    info_.quantum_watts = 1.0;
    info_.period_seconds = 0.01;
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override { return {clock_.now_seconds(), watts_, {}}; }

 private:
  MeterInfo info_;
  Clock& clock_;
  double watts_;
};

TEST(IdleWatts, ArePlannedForWhatTheSensorShows) {
  VirtualClock clock;
  WholeWatts server(clock, 300), board(clock, 5);
  EXPECT_THAT(measure_idle(server, clock, 0.1).reason(), Not(HasSubstr("too coarse")));
  EXPECT_THAT(measure_idle(board, clock, 0.1).reason(), HasSubstr("too coarse for 5 W"));
}

struct AnEnergyPass : ::testing::Test, testing::Bench {
  std::unique_ptr<Member> measured(double seconds) {
    auto it = member(honest);
    it->verify(*oracle, 0);
    it->warm_up();
    it->measure_energy(seconds);
    return it;
  }
  FakeImplementation honest{"honest", Behaviour{}};
  SteadyMeter package{clock, "perf", 50};
  SteadyMeter wall{clock, "command:plug", 80};
};

TEST_F(AnEnergyPass, WithoutAMeterSaysWhy) {
  EXPECT_EQ(measured(10)->row.energy.reason(), "no meter in this test");
}

TEST_F(AnEnergyPass, GivesTheFirstMeterToTheRowAndTheOthersBesideIt) {
  session.meters = {{&package, 10.0}, {&wall, 30.0}};
  const auto it = measured(10);
  ASSERT_TRUE(it->row.energy) << it->row.energy.reason();
  EXPECT_EQ(it->row.energy->meter, "perf");
  ASSERT_EQ(it->row.extra_meters.size(), 1U);
  const record::Energy& beside = it->row.extra_meters[0];
  EXPECT_EQ(beside.meter, "command:plug");
  ASSERT_EQ(it->row.energy->samples.size(), beside.samples.size());
  for (std::size_t i = 0; i < beside.samples.size(); ++i) {
    const record::EnergySample& mine = it->row.energy->samples[i];
    const record::EnergySample& other = beside.samples[i];
    EXPECT_EQ(mine.start_seconds, other.start_seconds);
    EXPECT_EQ(mine.calls, other.calls);
    EXPECT_NEAR(*mine.joules, 50 * mine.seconds, 1e-9);
    EXPECT_NEAR(*other.joules, 80 * other.seconds, 1e-9);
    EXPECT_EQ(*mine.idle_watts, 10);
    EXPECT_EQ(*other.idle_watts, 30);
  }
}

TEST_F(AnEnergyPass, SaysWhyAMeterIsTakenForOneOfFewWatts) {
  WholeWatts node(clock, 300);
  session.meters = {{&node, Absent{"the BMC was busy"}}};
  EXPECT_THAT(measured(10)->row.energy.reason(),
              HasSubstr("too coarse for 10 W; idle watts are not known: the BMC was busy"));
}

TEST_F(AnEnergyPass, MakesItsWindowsLongerWhereCallsAreQuickerThanTheyWere) {
  package.info_.quantum_joules = 1.0;
  session.meters = {{&package, 10.0}};
  double seconds = 1e-3;
  const FakeImplementation quickens("quickens", {.seconds = [&](int) { return seconds; }});
  const auto it = member(quickens);
  it->verify(*oracle, 0);
  it->warm_up();
  seconds /= 3;
  it->measure_energy(1e3);
  ASSERT_TRUE(it->row.energy) << it->row.energy.reason();
  const auto& samples = it->row.energy->samples;
  const double planned = samples[0].seconds;
  for (const record::EnergySample& sample : samples) {
    EXPECT_TRUE(sample.joules) << sample.joules.reason();
    EXPECT_GE(sample.seconds, planned);
  }
  EXPECT_EQ(samples[1].calls, 2 * samples[0].calls);  // the window that was too short is gone
  EXPECT_GT(static_cast<double>(samples[0].calls) * seconds, 0.9 * planned);
}

TEST_F(AnEnergyPass, TakesNCallsAndTwoNByTurns) {
  session.meters = {{&package, 10.0}};
  const auto it = measured(10);
  const auto& samples = it->row.energy->samples;
  ASSERT_GE(samples.size(), 3U);
  for (std::size_t i = 1; i < samples.size(); i += 2)
    EXPECT_EQ(samples[i].calls, 2 * samples[i - 1].calls);
}

TEST_F(AnEnergyPass, LeadsAWindowInForAsLongAsTheSensorTrails) {
  package.info_.averaging_seconds = 0.5;
  session.meters = {{&package, 10.0}};
  const auto it = measured(10);
  ASSERT_TRUE(it->row.energy) << it->row.energy.reason();
  const auto& samples = it->row.energy->samples;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const double between =
        samples[i].start_seconds - samples[i - 1].start_seconds - samples[i - 1].seconds;
    EXPECT_GE(between, 0.5 - 1e-9);
  }
}

TEST_F(AnEnergyPass, ThatDoesNotFitTheBudgetHasNoFigure) {
  package.info_.period_seconds = 1.0;
  package.info_.quantum_joules = 1.0;
  session.meters = {{&package, 10.0}};
  EXPECT_THAT(measured(3)->row.energy.reason(), HasSubstr("give more --budget"));
}

TEST_F(AnEnergyPass, AMeterThatNeedsLongerThanAnyWindowSaysSo) {
  package.info_.period_seconds = 100.0;
  package.info_.quantum_joules = 1.0;
  session.meters = {{&package, 10.0}};
  EXPECT_THAT(measured(1e6)->row.energy.reason(), HasSubstr("60 s is the most"));
}

TEST_F(AnEnergyPass, ASecondMeterThatDoesNotFitSaysSoInEveryWindow) {
  wall.info_.period_seconds = 1.0;
  wall.info_.quantum_joules = 1.0;
  session.meters = {{&package, 10.0}, {&wall, 30.0}};
  const auto it = measured(3);
  ASSERT_TRUE(it->row.energy) << it->row.energy.reason();
  for (const record::EnergySample& sample : it->row.extra_meters[0].samples)
    EXPECT_THAT(sample.joules.reason(), HasSubstr("give more --budget"));
}

TEST_F(AnEnergyPass, KeepsATraceWhereAskedTo) {
  session.meters = {{&package, 10.0}};
  EXPECT_FALSE(measured(10)->row.energy->samples[0].trace);
  session.effort.power_traces = true;
  const auto it = measured(10);
  const auto& trace = it->row.energy->samples[0].trace;
  ASSERT_TRUE(trace);
  ASSERT_FALSE(trace->empty());
  for (const record::PowerPoint& point : *trace) EXPECT_NEAR(point.watts, 50, 1e-9);
}

/// Counts whole joules; its period of 0 needs no thread.
class WholeJoules final : public Meter {
 public:
  WholeJoules(Clock& clock, double watts) : clock_(clock), watts_(watts) {
    info_.id = "command:plug";
    info_.quantum_joules = 1.0;
    info_.period_seconds = 0.0;
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    return {clock_.now_seconds(), std::floor(watts_ * clock_.now_seconds()), {}};
  }

 private:
  MeterInfo info_;
  Clock& clock_;
  double watts_;
};

TEST(Idle, IsKnownNoBetterThanItsSensorTells) {
  for (const double watts : {2.8, 3.1, 3.35, 4.7}) {
    VirtualClock clock;
    WholeJoules meter(clock, watts);
    const auto idle = measure_idle(meter, clock, 0.6);
    ASSERT_TRUE(idle) << idle.reason();
    EXPECT_LE(idle->interval95.low, watts);
    EXPECT_GE(idle->interval95.high, watts);
  }
}

/// 20, 21 and 19 W in its first three seconds.
class UnsteadyMeter final : public Meter {
 public:
  explicit UnsteadyMeter(Clock& clock) : clock_(clock) {
    info_.quantum_joules = 0.0;
    info_.period_seconds = 0.0;
  }
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    const double now = clock_.now_seconds();
    return {now, 20 * now + std::max(0.0, now - 1) - 2 * std::max(0.0, now - 2), {}};
  }

 private:
  MeterInfo info_;
  Clock& clock_;
};

TEST(Idle, OfThreePiecesIsKnownByStudentsQuantile) {
  VirtualClock clock;
  UnsteadyMeter meter(clock);
  const auto idle = measure_idle(meter, clock, 3);
  ASSERT_TRUE(idle) << idle.reason();
  // 20, 21 and 19 W: a standard deviation of 1 W.
  EXPECT_NEAR(idle->value, 20, 1e-9);
  EXPECT_NEAR(idle->interval95.high, 20 + 4.30265 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(idle->interval95.low, 20 - 4.30265 / std::sqrt(3.0), 1e-6);
}

}  // namespace
}  // namespace ergon::measure
