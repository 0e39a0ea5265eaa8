// What is found of a sensor that no load reaches, and what is left unknown.
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

struct IdleBench {
  explicit IdleBench(const SensorTraits& traits, std::uint64_t seed = 31, PowerCurve curve = {})
      : machine(curve, clock, seed), sensor(traits, machine, seed + 1) {
    clock.sleep_until(1);
  }
  Characterisation found() { return characterise_idle(sensor, clock); }
  VirtualClock clock;
  Machine machine;
  Sensor sensor;
};

SensorTraits traits_of(std::string_view name) {
  for (const SensorTraits& traits : sensors())
    if (traits.name == name) return traits;
  throw std::logic_error("no such sensor");
}

class Idle : public testing::TestWithParam<SensorTraits> {
 protected:
  void SetUp() override { found_ = IdleBench(GetParam()).found(); }
  static constexpr double idle_watts = 20;
  bool counts() const { return GetParam().quantity == Quantity::cumulative_joules; }
  Characterisation found_;
};

TEST_P(Idle, Works) { EXPECT_EQ(found_.fault, ""); }

TEST_P(Idle, ItsPeriodIsFoundOrSaidNotToShow) {
  if (!found_.period_seconds) {
    EXPECT_FALSE(counts());
    EXPECT_THAT(found_.period_seconds.reason(), HasSubstr("at idle it changed"));
    EXPECT_FALSE(found_.jitter_seconds);
    return;
  }
  EXPECT_TRUE(found_.jitter_seconds);
  // One that waits for its quantum has none; what it waits for at idle is never too little.
  const double waits = counts() ? GetParam().quantum / idle_watts : 0;
  EXPECT_NEAR(*found_.period_seconds, std::max(waits, GetParam().period_seconds),
              0.1 * std::max(waits, GetParam().period_seconds));
}

TEST_P(Idle, ItsQuantumIsFoundOrSaidNotToShow) {
  if (!found_.quantum) {
    EXPECT_FALSE(counts());
    EXPECT_THAT(found_.quantum.reason(), HasSubstr("at idle it showed"));
    return;
  }
  // A counter's step may pass for it where no load tells them apart.
  const double step = 1.1 * idle_watts * GetParam().period_seconds;
  const bool passes = counts() && GetParam().quantum > 0.1 * step;
  const double moves = counts() ? step : 4 * GetParam().noise_watts + 2;
  EXPECT_LE(*found_.quantum, std::max(1.01 * GetParam().quantum, (passes ? 1 : 0.01) * moves));
}

TEST_P(Idle, ItsIdleWattsAreThoseOfTheMachineWithTheirRange) {
  ASSERT_TRUE(found_.idle_watts) << found_.idle_watts.reason();
  EXPECT_NEAR(found_.idle_watts->value, idle_watts, 1);
  EXPECT_LE(found_.idle_watts->low, found_.idle_watts->value);
  EXPECT_GE(found_.idle_watts->high, found_.idle_watts->value);
}

TEST_P(Idle, TheResponseToALoadIsAbsentAndNotZero) {
  for (const Maybe<double>* response : {&found_.lag_seconds, &found_.averaging_seconds})
    EXPECT_EQ(response->reason(), "it was watched at idle only");
  EXPECT_FALSE(found_.busy_watts);
}

TEST_P(Idle, TakesNoLongerThanItSays) {
  IdleBench bench(GetParam());
  MeterInfo info = bench.sensor.info();
  info.period_seconds = GetParam().period_seconds;
  const double start = bench.clock.now_seconds();
  bench.found();
  const double waits = counts() ? GetParam().quantum / idle_watts : 0;
  if (waits > GetParam().period_seconds) GTEST_SKIP() << "waits for its quantum";
  EXPECT_LE(bench.clock.now_seconds() - start, 1.05 * characterise_idle_seconds(info) + 0.3);
}

TEST_P(Idle, IsAsItWasFoundWhateverTheMoment) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    IdleBench bench(GetParam(), seed);
    EXPECT_EQ(recheck_idle(bench.sensor, bench.clock, found_), "") << "seed " << seed;
  }
}

TEST_P(Idle, OfAnotherPeriodIsTold) {
  if (!found_.period_seconds) GTEST_SKIP() << "its period does not show";
  if (GetParam().period_seconds > 0.2) GTEST_SKIP() << "five of its periods do not show them";
  if (counts() && *found_.quantum > 0.5 * idle_watts * GetParam().period_seconds)
    GTEST_SKIP() << "its quantum may be its step";
  SensorTraits other = GetParam();
  // Watts that update less often look as if they repeated themselves.
  const double factor = counts() ? 3 : 1.0 / 3;
  other.period_seconds *= factor;
  other.jitter_seconds *= factor;
  int told = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    IdleBench bench(other, seed);
    told += !recheck_idle(bench.sensor, bench.clock, found_).empty();
  }
  EXPECT_GE(told, 18);
}

INSTANTIATE_TEST_SUITE_P(Sensors, Idle, testing::ValuesIn(sensors()),
                         [](const auto& given) { return std::to_string(given.index); });

TEST(CharacteriseIdle, WattsThatDoNotChangeAreNoFaultButShowNeitherPeriodNorQuantum) {
  SensorTraits traits = traits_of("GPU's watts, 25 ms in 100");
  traits.noise_watts = 0;
  PowerCurve curve;
  curve.noise = 0;
  IdleBench bench(traits, 31, curve);
  const Characterisation found = bench.found();
  EXPECT_EQ(found.fault, "");
  EXPECT_THAT(found.period_seconds.reason(), HasSubstr("at idle it changed 0 times in 1"));
  EXPECT_THAT(found.quantum.reason(), HasSubstr("at idle it showed 1 different value in 1"));
  EXPECT_NEAR(found.idle_watts->value, 20, 1e-3);
  MeterInfo documented = bench.sensor.info();
  documented.period_seconds = 0.1;
  documented.quantum_watts = 1e-3;
  documented.averaging_seconds = 25e-3;
  documented.lag_seconds = 0.01;
  const MeterInfo info = refined(documented, found);
  EXPECT_EQ(*info.period_seconds, 0.1) << "what the meter says of itself stays";
  EXPECT_EQ(*info.quantum_watts, 1e-3);
  EXPECT_EQ(info.averaging_seconds, 25e-3);
  EXPECT_EQ(info.lag_seconds, 0.01);
  EXPECT_EQ(recheck_idle(bench.sensor, bench.clock, found), "");
}

TEST(CharacteriseIdle, WattsThatSeldomChangeDoNotPassForSlowOnes) {
  int shown = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SensorTraits traits = traits_of("GPU's watts, 25 ms in 100");
    traits.quantum = 0.5;
    traits.noise_watts = 0.12;
    PowerCurve curve;
    curve.noise = 0;
    const Characterisation found = IdleBench(traits, seed, curve).found();
    if (!found.period_seconds) continue;
    ++shown;
    EXPECT_NEAR(*found.period_seconds, 0.1, 0.01) << "seed " << seed;
  }
  EXPECT_LT(shown, 20) << "the sensor is meant to repeat itself";
}

TEST(CharacteriseIdle, ASteadyCountersPeriodIsKeptBesideItsStep) {
  SensorTraits traits = traits_of("GPU's counter, 100 ms");
  traits.jitter_seconds = 0;
  PowerCurve curve;
  curve.noise = 0;
  IdleBench bench(traits, 31, curve);
  const Characterisation found = bench.found();
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(*found.period_seconds, 0.1, 0.01) << "a load would move it by more each period";
  EXPECT_LE(*found.quantum, 1.01 * 20 * 0.1);
  curve.idle_watts = 23;
  IdleBench warmer(traits, 32, curve);
  EXPECT_EQ(recheck_idle(warmer.sensor, warmer.clock, found), "");
}

struct Broken {
  Fault fault;
  const char* reason;
};

TEST(CharacteriseIdle, ACounterThatIsBrokenSaysHow) {
  for (const auto& [fault, reason] :
       {Broken{Fault::freezes, "stands still"}, Broken{Fault::jumps_back, "backwards"},
        Broken{Fault::sentinel, "jumps"}, Broken{Fault::permission_lost, "permission"}}) {
    SensorTraits traits = traits_of("GPU's counter, 100 ms");
    traits.start_joules = 2e6;
    // From the start, while its steps are watched, and while its idle watts are.
    for (const double seconds : {1.0, 3.0, 5.5}) {
      IdleBench bench(traits);
      bench.sensor.read();
      bench.sensor.break_at(fault, seconds);
      const bool from_the_start = seconds == 1 && fault != Fault::freezes;
      if (from_the_start && fault != Fault::permission_lost) continue;  // then it has no before
      EXPECT_THAT(bench.found().fault, HasSubstr(reason)) << name(fault) << " at " << seconds;
    }
    const Characterisation known = IdleBench(traits).found();
    IdleBench later(traits, 33);
    later.sensor.break_at(fault, 1.5);
    EXPECT_THAT(recheck_idle(later.sensor, later.clock, known), HasSubstr(reason)) << name(fault);
  }
}

TEST(CharacteriseIdle, WattsThatCannotBeSaySo) {
  for (const double seconds : {1.0, 3.0}) {
    IdleBench bench(traits_of("GPU's watts, mean of 1 s"));
    bench.sensor.break_at(Fault::sentinel, seconds);
    EXPECT_THAT(bench.found().fault, HasSubstr("sentinel"));
  }
  const Characterisation known = IdleBench(traits_of("GPU's watts, mean of 1 s")).found();
  IdleBench later(traits_of("GPU's watts, mean of 1 s"));
  later.sensor.break_at(Fault::sentinel, 1.5);
  EXPECT_THAT(recheck_idle(later.sensor, later.clock, known), HasSubstr("sentinel"));
}

TEST(CharacteriseIdle, CountersOfASumAreWatchedEachAlone) {
  VirtualClock clock;
  clock.sleep_until(1);
  Machine machine({}, clock, 5);
  const auto counter = [&](double share, double period) -> Source {
    return [&, share, period]() -> Maybe<double> {
      clock.advance(2e-6);
      const double updated = std::floor(clock.now_seconds() / period) * period;
      return std::floor(share * machine.joules(updated) / 61e-6) * 61e-6;
    };
  };
  Probe probe = open_sum({}, clock, {{"one", counter(0.75, 1e-3)}, {"other", counter(0.25, 2e-3)}});
  const auto meter = std::move(std::get<std::unique_ptr<Meter>>(probe));
  const Characterisation found = characterise_idle(*meter, clock);
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(*found.period_seconds, 2e-3, 1e-4);
  EXPECT_NEAR(found.idle_watts->value, 20, 1);
  EXPECT_EQ(recheck_idle(*meter, clock, found), "");
}

TEST(WhyNoLoad, IsThatALoadOfProcessorsDoesNotReachAnAccelerator) {
  MeterInfo info;
  EXPECT_EQ(why_no_load(info), "");
  info.part = Part::machine;
  EXPECT_EQ(why_no_load(info), "");
  info.part = Part::accelerator;
  EXPECT_THAT(why_no_load(info), HasSubstr("accelerator"));
}

}  // namespace
}  // namespace ergon::simulator
