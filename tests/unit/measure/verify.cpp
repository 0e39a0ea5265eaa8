#include "bench/measure/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/measure/fake.h"

namespace ergon::measure {
namespace {

using testing::Behaviour;
using testing::Call;
using testing::columns;
using testing::doubled;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::padding_at;
using testing::rows;
using testing::y_at;

struct ACheck : ::testing::Test {
  /// Checks a call on each of the slots of one plan, and gives the last one's result.
  Accuracy check(Behaviour does, std::vector<std::size_t> slots = {0}) {
    family.added = does.accumulates ? 1 : 0;
    const testing::FakeImplementation implementation("any", std::move(does));
    const auto oracle = family.oracle(workload, *inputs);
    const auto plan = implementation.prepare(workload, *inputs, {&device, 1, 2});
    Timed timed(*plan, device, 2, clock);
    Accuracy last;
    for (const std::size_t slot : slots) last = check_one_call(timed, *oracle, slot);
    return last;
  }
  VirtualClock clock;
  testing::FakeDevice device{clock};
  testing::Doubling workload;
  testing::DoublingFamily family;
  std::unique_ptr<Inputs> inputs = family.inputs(workload, 1, 2);
};

TEST_F(ACheck, LetsARightCallPass) {
  const Accuracy accuracy = check({});
  EXPECT_EQ(accuracy.mismatch, std::nullopt);
  EXPECT_EQ(accuracy.checked_elements, rows * columns);
}

TEST_F(ACheck, PoisonsTheOutputBeforeTheCall) {
  std::vector<bool> seen;
  Behaviour does;
  does.compute = [&](const Call& call) {
    for (std::int64_t i = 0; i < rows * testing::y_stride - 1; ++i)
      seen.push_back(std::isnan(call.y[i]));
    doubled(call);
  };
  check(does);
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_THAT(seen, Each(true));
}

TEST_F(ACheck, FindsAnElementThatNobodyWrote) {
  Behaviour does;
  does.compute = [](const Call& call) {
    const float kept = y_at(call, 1, 2);
    doubled(call);
    y_at(call, 1, 2) = kept;
  };
  EXPECT_THAT(check(does).mismatch.value_or(""), HasSubstr("y[1,2]"));
}

TEST_F(ACheck, FindsACallThatLeavesAnEarlierAnswer) {
  Behaviour does;
  does.compute = [](const Call& call) {
    if (call.number == 1) doubled(call);
  };
  EXPECT_EQ(check(does, {0}).mismatch, std::nullopt);
  EXPECT_NE(check(does, {0, 0}).mismatch, std::nullopt);
}

TEST_F(ACheck, FindsBytesWrittenBetweenTheRows) {
  Behaviour does;
  does.compute = [](const Call& call) {
    doubled(call);
    call.y[padding_at] = 0;
  };
  EXPECT_EQ(check(does).mismatch.value_or(""), "y: bytes between its rows were overwritten");
}

TEST_F(ACheck, TellsOfAWrongValueBeforeOverwrittenPadding) {
  Behaviour does;
  does.compute = [](const Call& call) {
    doubled(call);
    call.y[padding_at] = 0;
    y_at(call, 0, 0) += 1;
  };
  EXPECT_THAT(check(does).mismatch.value_or(""), HasSubstr("y[0,0]"));
}

TEST_F(ACheck, PutsBackWhatACallAddsToAfterPoisoning) {
  Behaviour does;
  does.accumulates = true;
  does.compute = [](const Call& call) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) y_at(call, r, c) += 2 * call.x[r * columns + c];
  };
  EXPECT_EQ(check(does, {0, 0}).mismatch, std::nullopt);
}

TEST_F(ACheck, RunsOneCallOnTheSlotItWasGiven) {
  EXPECT_EQ(check({}, {1}).mismatch, std::nullopt);
  EXPECT_EQ(device.count("call 1"), 1);
  EXPECT_EQ(device.count("call 0"), 0);
}

}  // namespace
}  // namespace ergon::measure
