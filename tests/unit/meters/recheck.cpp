// A sensor is as it was found, or what differs is told, within the time that a run can spare.
#include "bench/meters/recheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/simulator/coverage.h"

namespace ergon::simulator {
namespace {

using ::testing::HasSubstr;

struct Bench {
  explicit Bench(SensorTraits traits, std::uint64_t seed = 21)
      : machine({}, clock, seed), sensor(std::move(traits), machine, seed + 1), load(machine) {
    clock.sleep_until(1);
  }
  std::string recheck(const Characterisation& known) {
    return ergon::recheck(sensor, clock, load, known);
  }
  struct MachineLoad final : Load {
    explicit MachineLoad(Machine& its_machine) : machine(its_machine) {}
    void set(bool on) override { machine.load(on); }
    Machine& machine;
  };
  VirtualClock clock;
  Machine machine;
  Sensor sensor;
  MachineLoad load;
};

class Rechecked : public testing::TestWithParam<SensorTraits> {
 protected:
  void SetUp() override { known_ = characterise_simulated(GetParam(), 11); }
  Characterisation known_;
};

TEST_P(Rechecked, IsAsItWasFoundWhateverTheMoment) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    EXPECT_EQ(Bench(GetParam(), seed).recheck(known_), "") << "seed " << seed;
}

TEST_P(Rechecked, TakesTwoSecondsOrFivePeriods) {
  Bench bench(GetParam());
  const double start = bench.clock.now_seconds();
  bench.recheck(known_);
  const double took = bench.clock.now_seconds() - start;
  EXPECT_LT(took, std::max(2.0, 5 * GetParam().period_seconds) + 0.3);
  EXPECT_NEAR(took, recheck_seconds(known_), 0.3);
}

TEST_P(Rechecked, ThatDoesNotFollowTheLoadIsTold) {
  struct NoLoad final : Load {
    void set(bool) override {}
  } none;
  Bench bench(GetParam());
  EXPECT_THAT(recheck(bench.sensor, bench.clock, none, known_), HasSubstr("follow the load"));
}

TEST_P(Rechecked, OfAnotherPeriodIsTold) {
  if (GetParam().quantum > 100 * GetParam().period_seconds) GTEST_SKIP() << "waits for its quantum";
  if (GetParam().period_seconds > 0.2) GTEST_SKIP() << "five of its periods do not show them";
  SensorTraits other = GetParam();
  other.period_seconds *= 3;
  other.jitter_seconds *= 3;
  int told = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    told += !Bench(other, seed).recheck(known_).empty();
  EXPECT_GE(told, 18);
}

INSTANTIATE_TEST_SUITE_P(Sensors, Rechecked, testing::ValuesIn(sensors()),
                         [](const auto& given) { return std::to_string(given.index); });

TEST(Recheck, AnotherQuantumIsTold) {
  SensorTraits traits = sensors()[3];
  ASSERT_EQ(traits.name, "counter of 1 J");
  const Characterisation known = characterise_simulated(traits, 11);
  traits.quantum = 0.7;
  EXPECT_THAT(Bench(traits).recheck(known), HasSubstr("quantum"));
}

TEST(Recheck, ASensorThatFailsSaysWhyAndTheLoadIsLeftOff) {
  const SensorTraits traits = sensors().front();
  const Characterisation known = characterise_simulated(traits, 11);
  Bench bench(traits);
  bench.sensor.break_at(Fault::permission_lost, bench.clock.now_seconds() + 0.3);
  EXPECT_THAT(bench.recheck(known), HasSubstr("permission"));
  bench.clock.advance(1);
  EXPECT_LT(bench.machine.watts(bench.clock.now_seconds()), 30);
}

TEST(Recheck, ACounterThatFreezesIsTold) {
  const SensorTraits traits = sensors().front();
  const Characterisation known = characterise_simulated(traits, 11);
  Bench bench(traits);
  bench.sensor.read();
  bench.sensor.break_at(Fault::freezes, bench.clock.now_seconds());
  EXPECT_NE(bench.recheck(known), "");
}

TEST(DescribedMeter, ReadsAsBeforeAndSaysWhatItWasTold) {
  struct Constant final : Meter {
    const MeterInfo& info() const noexcept override { return own; }
    Reading read() override { return {1, 42, {}, 0}; }
    MeterInfo own;
  };
  MeterInfo info;
  info.id = "refined";
  const auto meter = described(std::make_unique<Constant>(), info);
  EXPECT_EQ(meter->info().id, "refined");
  EXPECT_EQ(meter->read().value, 42);
}

}  // namespace
}  // namespace ergon::simulator
