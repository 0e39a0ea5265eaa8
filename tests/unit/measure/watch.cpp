#include "bench/measure/watch.h"

#include "kernels/devices/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/meters/fake.h"

namespace ergon::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

double tick() { return 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK)); }

MachineState state(double seconds, double steal, double busy, double own,
                   std::int64_t switches = 0) {
  MachineState out;
  out.seconds = seconds;
  out.steal_seconds = steal;
  out.busy_seconds = busy;
  out.own_seconds = own;
  out.involuntary_switches = switches;
  return out;
}

std::vector<std::string> flags(double window, double steal, double others,
                               std::int64_t switches = 0) {
  return between(state(5, 3, 7, 2, 10),
                 state(5 + window, 3 + steal, 7 + window + others, 2 + window, 10 + switches))
      .flags;
}

TEST(AWatch, ReadsStolenAndBusyTicksOfAllProcessors) {
  const testing::FakeTree tree;
  tree.write("stat", "cpu  100 20 50 1000 300 5 6 40 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1");
  const MachineState now = Watch(tree.root(), tree.root()).now();
  EXPECT_NEAR(now.steal_seconds.value_or(-1), 40 * tick(), 1e-9);
  EXPECT_NEAR(now.busy_seconds.value_or(-1), 181 * tick(), 1e-9);
}

TEST(AWatch, SaysNothingOfWhatItCannotRead) {
  const testing::FakeTree tree;
  const Watch watch(tree.root(), tree.root());
  const auto saw = [&] {
    const MachineState now = watch.now();
    return now.steal_seconds || now.busy_seconds || now.frequency_hz;
  };
  EXPECT_FALSE(saw());
  tree.write("stat", "cpu  100 20 50 1000");
  EXPECT_FALSE(saw());
  tree.write("stat", "intr 1 2 3 4 5 6 7 8");
  EXPECT_FALSE(saw());
}

TEST(AWatch, AveragesTheFrequenciesOfTheProcessors) {
  const testing::FakeTree tree;
  tree.write("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000");
  tree.write("devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000");
  EXPECT_EQ(Watch(tree.root(), tree.root()).now().frequency_hz, 2.5e9);
}

TEST(AWatch, SeesThisProcessWork) {
  const testing::FakeTree tree;
  const Watch watch(tree.root(), tree.root());
  const MachineState before = watch.now();
  MachineState after = watch.now();
  while (after.own_seconds - before.own_seconds < 1e-3) after = watch.now();
  EXPECT_GE(after.seconds, before.seconds);
  EXPECT_GE(after.involuntary_switches, before.involuntary_switches);
}

TEST(ADisturbance, IsTheDifferenceOfTwoStates) {
  const Disturbance seen = between(state(5, 3, 7, 2, 10), state(6, 3.25, 9, 3.5, 14));
  EXPECT_EQ(seen.steal_seconds, 0.25);
  EXPECT_EQ(seen.others_seconds, 0.5);
  EXPECT_EQ(seen.involuntary_switches, 4);
}

TEST(ADisturbance, IsNeverNegative) {
  const Disturbance seen = between(state(5, 3, 7, 2), state(6, 2.99, 7, 3));
  EXPECT_EQ(seen.steal_seconds, 0);
  EXPECT_EQ(seen.others_seconds, 0);
}

TEST(ADisturbance, IsAbsentWhereOneOfTheStatesIs) {
  MachineState blind;
  blind.seconds = 6;
  for (const auto& [from, to] : {std::pair{state(5, 3, 7, 2), blind}, {blind, state(7, 9, 9, 2)}}) {
    const Disturbance seen = between(from, to);
    EXPECT_EQ(seen.steal_seconds, std::nullopt);
    EXPECT_EQ(seen.others_seconds, std::nullopt);
    EXPECT_THAT(seen.flags, IsEmpty());
  }
}

TEST(ADisturbance, TellsTheFrequencyAtTheEnd) {
  MachineState before, after;
  before.frequency_hz = 1e9;
  after.frequency_hz = 2e9;
  EXPECT_EQ(between(before, after).frequency_hz, 2e9);
}

TEST(ADisturbance, IsNotFlaggedOnAQuietMachine) { EXPECT_THAT(flags(1, 0, 0), IsEmpty()); }

TEST(ADisturbance, FlagsStealFromAFiftiethOfALongWindow) {
  EXPECT_THAT(flags(10, 0.19, 0), IsEmpty());
  EXPECT_THAT(flags(10, 0.21, 0), ElementsAre("steal"));
}

TEST(ADisturbance, FlagsStealFromATickInAShortWindow) {
  EXPECT_THAT(flags(0.02, 0.9 * tick(), 0), IsEmpty());
  EXPECT_THAT(flags(0.02, 1.01 * tick(), 0), ElementsAre("steal"));
}

TEST(ADisturbance, FlagsOthersAboveATwentiethOfALongWindow) {
  EXPECT_THAT(flags(10, 0, 0.49), IsEmpty());
  EXPECT_THAT(flags(10, 0, 0.51), ElementsAre("busy"));
}

TEST(ADisturbance, ForgivesOthersARoundedTickOfEachProcessor) {
  EXPECT_THAT(flags(0.02, 0, usable_processors() * tick()), IsEmpty());
  EXPECT_THAT(flags(0.02, 0, (usable_processors() + 0.3) * tick()), ElementsAre("busy"));
}

TEST(ADisturbance, FlagsOurThreadsWaitingForAProcessor) {
  MachineState before = state(0, 0, 0, 0), after = state(0.02, 0, 0, 0);
  after.waited_seconds = 0.0009;
  EXPECT_THAT(between(before, after).flags, IsEmpty());
  after.waited_seconds = 0.0011;
  EXPECT_THAT(between(before, after).flags, ElementsAre("busy"));
}

TEST(ADisturbance, FlagsMoreThanAHundredSwitchesASecondAndTwo) {
  EXPECT_THAT(flags(1, 0, 0, 102), IsEmpty());
  EXPECT_THAT(flags(1, 0, 0, 103), ElementsAre("switches"));
}

TEST(ADisturbance, GetsAllFlagsThatApply) {
  EXPECT_THAT(flags(1, 0.5, 0.5, 1000), ElementsAre("steal", "busy", "switches"));
}

}  // namespace
}  // namespace ergon::measure
