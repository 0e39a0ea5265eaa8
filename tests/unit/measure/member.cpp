#include "bench/measure/member.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/measure/bench.h"

namespace ergon::measure {
namespace {

using testing::Behaviour;
using testing::Call;
using testing::doubled;
using testing::FakeImplementation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::y_at;

struct AMember : ::testing::Test, testing::Bench {
  /// Right until call `last`, then wrong.
  static Behaviour right_until(int last) {
    Behaviour does;
    does.compute = [last](const Call& call) {
      doubled(call);
      if (call.number > last) y_at(call, 1, 1) += 1;
    };
    return does;
  }
  /// Fails at call `number`.
  static Behaviour failing_at(int number) {
    Behaviour does;
    does.compute = [number](const Call& call) {
      if (call.number == number) throw std::runtime_error("boom");
      doubled(call);
    };
    return does;
  }
  void expect_finished_once(const std::string& status, const std::string& reason) const {
    ASSERT_EQ(sink.finished.size(), 1U);
    EXPECT_EQ(sink.finished[0].status, status);
    EXPECT_THAT(sink.finished[0].reason, HasSubstr(reason));
  }
};

TEST_F(AMember, ThatIsWrongBeforeTimingIsNeverTimed) {
  const FakeImplementation liar("liar", right_until(0));
  const auto it = member(liar);
  it->verify(*oracle, 0);
  EXPECT_FALSE(it->usable());
  expect_finished_once("wrong", "y[1,1]");
  const auto calls = device.count("call 0");
  it->warm_up();
  it->sample(0, 0);
  it->check_inside_a_window(*oracle);
  it->time_stages();
  it->measure_energy(10);
  it->verify_again(*oracle);
  EXPECT_EQ(device.count("call 0"), calls);
  EXPECT_THAT(sink.samples, IsEmpty());
  EXPECT_EQ(sink.finished.size(), 1U);
}

TEST_F(AMember, ThatIsWrongInTheMiddleIsFoundThere) {
  const FakeImplementation liar("liar", right_until(1));
  const auto it = member(liar);
  it->verify(*oracle, 0);
  ASSERT_TRUE(it->usable());
  it->warm_up();
  it->check_inside_a_window(*oracle);
  EXPECT_FALSE(it->usable());
  expect_finished_once("wrong", "y[1,1]");
}

TEST_F(AMember, ThatAnswersFromMemoryIsWrongWithOtherInputs) {
  std::vector<float> remembered;
  Behaviour does;
  does.compute = [&](const Call& call) {
    doubled(call);
    for (std::int64_t r = 0; r < testing::rows; ++r)
      for (std::int64_t c = 0; c < testing::columns; ++c) {
        const auto at = static_cast<std::size_t>(r * testing::columns + c);
        if (at >= remembered.size()) remembered.push_back(y_at(call, r, c));
        y_at(call, r, c) = remembered[at];
      }
  };
  const FakeImplementation liar("liar", does);
  const auto it = member(liar);
  it->verify(*oracle, 0);
  it->warm_up();
  it->check_inside_a_window(*oracle);
  ASSERT_TRUE(it->usable());
  *reinterpret_cast<float*>(inputs->data("x", 0)) += 0.5F;
  it->verify_again(*family.oracle(*workload, *inputs));
  expect_finished_once("wrong", "y[0,0]");
}

TEST_F(AMember, ThatIsRightThroughoutSaysThatItWasVerifiedAfter) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->verify(*oracle, 0);
  EXPECT_FALSE(it->row.accuracy->verified_after);
  it->verify_again(*oracle);
  EXPECT_TRUE(it->usable());
  EXPECT_TRUE(it->row.accuracy->verified_after);
  EXPECT_EQ(device.count("pack 0"), 2);
  EXPECT_THAT(sink.finished, IsEmpty());
}

TEST_F(AMember, WhosePreparationThrowsHasFailed) {
  FakeImplementation broken("broken");
  broken.does.prepare = [] { throw std::runtime_error("boom"); };
  const auto it = member(broken);
  EXPECT_FALSE(it->usable());
  EXPECT_EQ(sink.started.size(), 1U);
  expect_finished_once("failed", "preparing: boom");
}

TEST_F(AMember, ThatThrowsWhileVerifiedHasFailed) {
  const FakeImplementation broken("broken", failing_at(1));
  member(broken)->verify(*oracle, 0);
  expect_finished_once("failed", "calling: boom");
}

TEST_F(AMember, ThatThrowsWhileWarmingUpHasFailed) {
  const FakeImplementation broken("broken", failing_at(3));
  member(broken)->warm_up();
  expect_finished_once("failed", "warming up: boom");
}

TEST_F(AMember, ThatThrowsWhileTimedHasFailedAndLeavesNoSample) {
  const FakeImplementation broken("broken", failing_at(2));
  const auto it = member(broken);
  it->sample(0, 0);
  it->sample(1, 0);
  EXPECT_FALSE(it->usable());
  expect_finished_once("failed", "while timed: boom");
  EXPECT_EQ(sink.samples.size(), 1U);
}

TEST_F(AMember, FillsAWindowWithCalls) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->warm_up();
  EXPECT_NEAR(it->seconds_per_call(), 1e-3, 1e-9);
  it->sample(0, 0);
  EXPECT_EQ(sink.samples.at(0).second.calls, 20);
}

TEST_F(AMember, TakesOneCallWhereThatIsLongerThanAWindow) {
  FakeImplementation slow("slow");
  slow.does.seconds = [](int) { return 3.0; };
  const auto it = member(slow);
  it->warm_up();
  EXPECT_EQ(device.count("call 0"), 1);
  it->sample(0, 0);
  EXPECT_EQ(sink.samples.at(0).second.calls, 1);
}

TEST_F(AMember, TellsWhereAndWhenAWindowWas) {
  clock.advance(100);
  session.started_seconds = 90;
  session.launch = 3;
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  const double begin = clock.now_seconds();
  it->sample(7, 2);
  const auto& [key, sample] = sink.samples.at(0);
  EXPECT_EQ(key, it->key);
  EXPECT_EQ(sample.round, 7);
  EXPECT_EQ(sample.position, 2);
  EXPECT_EQ(sample.launch, 3);
  EXPECT_NEAR(sample.start_seconds, begin - 90, 1e-9);
  EXPECT_EQ(it->row.samples.size(), 1U);
  EXPECT_FALSE(sample.steal_seconds.has_value());
  EXPECT_FALSE(sample.frequency_hz.has_value());
}

TEST_F(AMember, KeepsTheCheckedWindowOutOfTheSamples) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->warm_up();
  const int calls = device.count("call 0");
  it->check_inside_a_window(*oracle);
  EXPECT_EQ(device.count("call 0") - calls, 20);
  EXPECT_THAT(it->row.samples, IsEmpty());
  EXPECT_THAT(sink.samples, IsEmpty());
}

TEST_F(AMember, TimesTheOnceStageApart) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->time_stages();
  ASSERT_EQ(it->row.stages.size(), 2U);
  EXPECT_NEAR(it->row.stages[0].seconds_median.value_or(0), 0.5, 1e-9);
  EXPECT_FALSE(it->row.stages[1].seconds_median.has_value());
}

TEST_F(AMember, SaysWhyItHasNoEnergy) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->measure_energy(10);
  EXPECT_EQ(it->row.energy.reason(), "no meter in this test");
}

TEST_F(AMember, HasNoIntervalBeforeSixSamples) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  for (int i = 0; i < 5; ++i) it->sample(i, 0);
  EXPECT_TRUE(std::isinf(it->relative_interval()));
  it->sample(5, 0);
  EXPECT_NEAR(it->relative_interval(), 0, 1e-9);
}

TEST_F(AMember, RecordsHowColdItIs) {
  const FakeImplementation honest("honest");
  workload->counted.bytes = 1000;
  const Member it(case_of(honest, true), *inputs, 4, 0, session);
  ASSERT_TRUE(it.row.cold.has_value());
  EXPECT_EQ(it.row.cold->bytes_between_uses, 3000);
  EXPECT_EQ(it.row.cold->last_level_bytes.value_or(0), 1 << 20);
}

TEST_F(AMember, NamesTheCeilingOfItsBytesWhereItIsCold) {
  const FakeImplementation honest("honest");
  const auto ceiling = [&](double counted_again) {
    workload->counted_again = counted_again;
    return *Member(case_of(honest, true), *inputs, 4, 0, session).row.cold->ceiling;
  };
  workload->counted.bytes = 1000;
  EXPECT_EQ(*ceiling(0), "bandwidth_read");
  EXPECT_EQ(*ceiling(500), "bandwidth_update");
  EXPECT_THAT(ceiling(250).reason(), HasSubstr("in place"));
}

/// Finds what it was told to find, one after the other.
struct ToldOracle final : Oracle {
  explicit ToldOracle(std::vector<Accuracy> what) : told(std::move(what)) {}
  Accuracy check(std::span<const HostTensor>) const override { return told.at(checks++); }
  std::vector<Accuracy> told;
  mutable std::size_t checks = 0;
};

Accuracy errors(double max_abs, std::optional<double> quantization) {
  Accuracy accuracy;
  accuracy.max_abs = max_abs;
  accuracy.tolerance = 1;
  accuracy.quantization_rel_l2 = quantization;
  return accuracy;
}

TEST_F(AMember, TellsTheLargestOfEachErrorWhicheverCheckFoundIt) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  const ToldOracle told({errors(0.2, 0.01), errors(0.1, 0.03), errors(0.3, 0.02)});
  for (std::size_t slot = 0; slot < 3; ++slot) it->verify(told, 0);
  EXPECT_EQ(it->row.accuracy->max_abs, 0.3);
  EXPECT_EQ(it->row.accuracy->quantization_rel_l2, 0.03);
  it->verify_again(ToldOracle({errors(0.1, 0.04)}));
  EXPECT_EQ(it->row.accuracy->max_abs, 0.3);
  EXPECT_EQ(it->row.accuracy->quantization_rel_l2, 0.04);
  EXPECT_TRUE(it->row.accuracy->verified_after);
}

TEST_F(AMember, HasNoQuantizationErrorWhereNothingWasQuantized) {
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->verify(*oracle, 0);
  it->verify_again(*oracle);
  EXPECT_FALSE(it->row.accuracy->quantization_rel_l2);
}

TEST_F(AMember, RecordsWhatItsQuantizedWeightsAre) {
  const FakeImplementation honest("honest");
  *workload = testing::quantized_doubling();
  const record::Row quantized = member(honest)->row;
  EXPECT_EQ(quantized.dtype.weights, "s4");
  EXPECT_EQ(quantized.dtype.products, "s8");
  EXPECT_EQ(quantized.work.tokens, 8);
  EXPECT_EQ(quantized.work.bits_per_weight, 4.5);
}

TEST_F(AMember, RecordsWhatAnAttentionCaches) {
  const FakeImplementation honest("honest");
  workload->kv_bytes = 4096;
  workload->full_square = 12;
  const record::Row row = member(honest)->row;
  EXPECT_EQ(row.work.kv_bytes_per_token, 4096);
  EXPECT_EQ(row.work.full_square_flops, 12);
}

TEST_F(AMember, NamesNoProductsWhereTheyAreOfTheWeightsType) {
  const FakeImplementation honest("honest");
  const record::Row plain = member(honest)->row;
  EXPECT_EQ(plain.dtype.products, "");
  EXPECT_FALSE(plain.work.tokens);
  EXPECT_FALSE(plain.work.bits_per_weight);
  EXPECT_FALSE(plain.work.kv_bytes_per_token);
  EXPECT_FALSE(plain.work.full_square_flops);
}

TEST_F(AMember, IsNotColderForReadingWhatItWrites) {
  const FakeImplementation honest("honest");
  workload->counted.bytes = 1 << 20;
  workload->counted_again = 1 << 19;
  const Member it(case_of(honest, true), *inputs, 3, 0, session);
  EXPECT_EQ(it.row.cold->bytes_between_uses, 1 << 20);
  EXPECT_EQ(it.row.work.bytes, 1 << 20);
  EXPECT_EQ(cold_slots(*workload, device), 8U);
}

/// Knows nothing while the run lasts, like a log to come.
struct BlindMeter final : Meter {
  explicit BlindMeter(Clock& its_clock) : clock(its_clock) {
    about.id = "log";
    about.period_seconds = 0.0;  // no thread reads it: the clock is virtual
    about.quantum_joules = 0.1;
  }
  const MeterInfo& info() const noexcept override { return about; }
  Reading read() override { return {clock.now_seconds(), 0, "to be attached"}; }
  Clock& clock;
  MeterInfo about;
};

TEST_F(AMember, WithALogToComeLeavesIdleAndBusyTimesAroundItsEnergyWindows) {
  BlindMeter meter(clock);
  session.meters.emplace_back().meter = &meter;
  session.beacons = Beacons{0.1};
  const FakeImplementation honest("honest");
  const auto it = member(honest);
  it->warm_up();
  it->measure_energy(1e3);
  ASSERT_TRUE(it->row.energy) << it->row.energy.reason();
  const auto& windows = it->row.energy->samples;
  for (const record::EnergySample& window : windows)
    EXPECT_EQ(window.joules.reason(), "to be attached");
  // Idle busy idle, each window's lead, idle busy idle.
  ASSERT_EQ(sink.beacons.size(), 6 + windows.size());
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const record::Beacon lead = sink.beacons[3 + i];
    EXPECT_TRUE(lead.busy);
    EXPECT_NEAR(lead.start_seconds + lead.seconds, windows[i].start_seconds, 5e-3);
  }
  std::vector<record::Beacon> marks(sink.beacons.begin(), sink.beacons.begin() + 3);
  marks.insert(marks.end(), sink.beacons.end() - 3, sink.beacons.end());
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(marks[i].busy, i % 3 == 1) << i;
    EXPECT_GE(marks[i].seconds, 0.6 - 1e-9);
    EXPECT_LE(marks[i].seconds, 1.4);
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_GT(std::abs(marks[i].seconds - marks[j].seconds), 1e-3);
  }
  const auto end = [](const auto& span) { return span.start_seconds + span.seconds; };
  EXPECT_NEAR(end(marks[2]), windows.front().start_seconds, 5e-3);
  EXPECT_NEAR(end(windows.back()), marks[3].start_seconds, 5e-3);
  it->measure_energy(1e3);  // the idle time before is still known
  EXPECT_EQ(sink.beacons.size(), 9 + 2 * windows.size());
}

}  // namespace
}  // namespace ergon::measure
