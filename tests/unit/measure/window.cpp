#include "bench/measure/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/measure/fake.h"

namespace ergon::measure {
namespace {

using ::testing::ElementsAre;
using testing::FakeDevice;
using testing::FakeImplementation;

struct AWindow : ::testing::Test {
  Timed& timed(std::size_t slots) {
    plan_ = implementation_.prepare(workload_, *inputs_, {&device, 1, slots});
    timed_ = std::make_unique<Timed>(*plan_, device, slots, clock);
    return *timed_;
  }
  VirtualClock clock;
  FakeDevice device{clock};

 private:
  FakeImplementation implementation_{"honest"};
  testing::Doubling workload_;
  testing::DoublingFamily family_;
  std::unique_ptr<Inputs> inputs_ = family_.inputs(workload_, 1, 4);
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Timed> timed_;
};

TEST_F(AWindow, GoesOnWithTheSlotAfterTheLastWindows) {
  Timed& three = timed(3);
  three.window(2);
  device.log.clear();
  three.window(2);
  EXPECT_THAT(device.log, ElementsAre("activate", "reset 2", "reset 0", "call 2", "call 0"));
  EXPECT_EQ(three.next_slot(), 1U);
}

TEST_F(AWindow, ResetsEverySlotItTouchesOnceBeforeTheFirstCall) {
  Timed& two = timed(2);
  two.window(3);
  EXPECT_THAT(device.log,
              ElementsAre("activate", "reset 0", "reset 1", "call 0", "call 1", "call 0"));
}

TEST_F(AWindow, RunsAndCountsItsCalls) {
  const auto sample = timed(3).window(7);
  EXPECT_EQ(sample.calls, 7);
  EXPECT_EQ(device.count("call 0") + device.count("call 1") + device.count("call 2"), 7);
}

TEST_F(AWindow, ReadsTheClockOnlyWhenTheStreamIsDrained) {
  clock.advance(10);
  const auto sample = timed(1).window(4);
  EXPECT_DOUBLE_EQ(sample.start_seconds, 10);
  EXPECT_NEAR(sample.seconds, 4e-3, 1e-12);
}

TEST_F(AWindow, DoesNotCountWorkThatWasLeftFromBefore) {
  Timed& one = timed(1);
  device.last_stream->push([&] { clock.advance(5); });
  const auto sample = one.window(2);
  EXPECT_DOUBLE_EQ(sample.start_seconds, 5);
  EXPECT_NEAR(sample.seconds, 2e-3, 1e-12);
}

TEST_F(AWindow, TakesTheHostsTimeWhereTheDeviceHasNoClock) {
  device.seconds_to_wait = 0.5;
  EXPECT_NEAR(timed(1).window(4).seconds, 0.504, 1e-12);
}

TEST_F(AWindow, PrefersTheDevicesOwnClock) {
  device.seconds_to_wait = 0.5;
  device.has_own_clock = true;
  EXPECT_NEAR(timed(1).window(4).seconds, 4e-3, 1e-12);
}

TEST_F(AWindow, LeavesTheOnceStagesToPreparation) {
  Timed& two = timed(2);
  two.prepare();
  EXPECT_THAT(device.log, ElementsAre("activate", "reset 0", "reset 1", "pack 0", "pack 1"));
  two.window(5);
  EXPECT_EQ(device.count("pack 0") + device.count("pack 1"), 2);
}

TEST_F(AWindow, IsNotNeededToTimeAStageAlone) {
  Timed& two = timed(2);
  EXPECT_NEAR(two.stage_seconds(0, 3), 0.5, 1e-12);
  EXPECT_EQ(device.count("pack 0"), 2);
  EXPECT_EQ(device.count("pack 1"), 1);
  EXPECT_EQ(device.count("call 0"), 0);
}

}  // namespace
}  // namespace ergon::measure
