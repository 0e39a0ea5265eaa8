// A sum of counters: what one of them does must not hide behind the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/meters/clocked.h"

namespace ergon {
namespace {

using ::testing::HasSubstr;

/// Two counters of 1 W each that step every millisecond, and may be held up.
struct Machine {
  VirtualClock clock;
  double late_seconds = 0;    // by which both are held up,
  bool until_second = false;  // until the second is read
  bool first_is_frozen = false;
  double frozen = 0;

  double shown() {
    clock.sleep_until(clock.now_seconds() + 10e-6);
    return std::floor((clock.now_seconds() - late_seconds) * 1e3) * 1e-3;
  }
  std::vector<Summand> counters() {
    return {{"first",
             [this]() -> Maybe<double> { return first_is_frozen ? frozen : frozen = shown(); }},
            {"second", [this]() -> Maybe<double> {
               if (until_second) late_seconds = 0;
               return shown();
             }}};
  }
  std::unique_ptr<Meter> meter() {
    clock.advance(1);
    Probe probe = open_sum({}, clock, counters());
    if (auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe)) return std::move(*meter);
    ADD_FAILURE() << std::get<Unavailable>(probe).reason;
    return nullptr;
  }
};

TEST(Sum, IsNoValueWhereOneStandsStillWhileAnotherMoves) {
  Machine machine;
  const auto meter = machine.meter();
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->read().invalid, "");
  machine.first_is_frozen = true;
  machine.clock.sleep_until(machine.clock.now_seconds() + 0.2);
  EXPECT_THAT(meter->read().invalid, HasSubstr("first stands still for 0.2"));
}

TEST(Sum, IsReadAgainWhereAllWentOnBetweenTwoOfThem) {
  Machine machine;
  const auto meter = machine.meter();
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->read().invalid, "");
  machine.late_seconds = 0.2;
  machine.clock.sleep_until(machine.clock.now_seconds() + 0.2);
  machine.until_second = true;
  const Reading reading = meter->read();
  EXPECT_EQ(reading.invalid, "");
  EXPECT_NEAR(reading.value, 2 * machine.clock.now_seconds(), 3e-3);
}

}  // namespace
}  // namespace ergon
