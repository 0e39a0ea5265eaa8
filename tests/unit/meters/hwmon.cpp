#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include "tests/unit/meters/hwmon_tree.h"

namespace ergon {
namespace {

using ::testing::AllOf;
using testing::FakeTree;
using ::testing::HasSubstr;
using testing::hwmon_in;
using testing::ids_of;
using testing::measured_watts;
using testing::nothing_moves;
using testing::opened;
using testing::refused;
using testing::TickingClock;

std::string chip(int number) { return "class/hwmon/hwmon" + std::to_string(number) + "/"; }

std::string micro(double value) {
  return std::to_string(static_cast<long long>(std::llround(value * 1e6)));
}

/// Renewed every 5 ms; a ripple, so that the readings show when.
double rippled(double watts, double seconds) {
  return watts + 0.25 * (static_cast<int>(std::floor(seconds / 5e-3 + 1e-6)) % 7);
}
constexpr double mean_ripple = 0.75;

TEST(Hwmon, WithoutASensorSaysWhereItLooked) {
  const FakeTree tree;
  tree.write(chip(0) + "name", "k10temp");
  tree.write(chip(0) + "temp1_input", "42000");
  VirtualClock clock;
  EXPECT_THAT(refused(hwmon_in(tree, clock), "hwmon").reason, HasSubstr("no chip under"));
}

TEST(Hwmon, AnAmdBoardIsSampledByItsAverage) {
  const FakeTree tree;
  tree.write(chip(2) + "name", "amdgpu");
  tree.write(chip(2) + "power1_input", "1000000");
  TickingClock clock([&](double seconds) {
    tree.write(chip(2) + "power1_average", micro(rippled(200, seconds)));
  });
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:amdgpu-0");
  const MeterInfo& info = meter->info();
  EXPECT_EQ(info.part, Part::accelerator);
  EXPECT_EQ(info.scope, Scope::board);
  EXPECT_EQ(info.provenance, Provenance::sampled);
  EXPECT_EQ(info.quantity, Quantity::watts);
  EXPECT_NEAR(*info.period_seconds, 5e-3, 0.5e-3);
  EXPECT_NEAR(*info.quantum_watts, 0.25, 1e-6);
  EXPECT_EQ(info.averaging_seconds, 1);
  EXPECT_THAT(info.about, AllOf(HasSubstr("power1_average"), HasSubstr("left out: power1_input")));
  const auto watts = measured_watts(*meter, clock, 4);
  ASSERT_TRUE(watts) << watts.reason();
  EXPECT_NEAR(watts->value, 200 + mean_ripple, watts->error);
}

TEST(Hwmon, AnAmdProcessorWithGraphicsIsAPackage) {
  const FakeTree tree;
  tree.write(chip(0) + "name", "amdgpu");
  tree.write(chip(0) + "in1_label", "vddnb");
  TickingClock clock(
      [&](double seconds) { tree.write(chip(0) + "power1_input", micro(rippled(15, seconds))); });
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:amdgpu-0");
  EXPECT_EQ(meter->info().part, Part::processor);
  EXPECT_EQ(meter->info().scope, Scope::package);
  EXPECT_EQ(meter->info().averaging_seconds, 0);
}

TEST(Hwmon, TwoBoardsAreTwoMetersInTheOrderOfTheirNumbers) {
  const FakeTree tree;
  for (const int number : {2, 10}) {
    tree.write(chip(number) + "name", "amdgpu");
    tree.write(chip(number) + "power1_input", std::to_string(number) + "000000");
  }
  TickingClock clock(nothing_moves);
  EXPECT_EQ(opened(hwmon_in(tree, clock), "hwmon:amdgpu-0")->read().value, 2);
  EXPECT_EQ(opened(hwmon_in(tree, clock), "hwmon:amdgpu-1")->read().value, 10);
}

TEST(Hwmon, AnIntelCardCountsItsEnergyAndIsReadBeforeItFolds) {
  const FakeTree tree;
  tree.write(chip(1) + "name", "xe");
  tree.write(chip(1) + "energy1_label", "card");
  tree.write(chip(1) + "energy2_label", "pkg");
  tree.write(chip(1) + "energy3_label", "m\xff\x01p");
  tree.write(chip(1) + "energy3_input", "1");
  TickingClock clock([&](double seconds) {
    tree.write(chip(1) + "energy1_input", micro(1000 + 150 * seconds));
    tree.write(chip(1) + "energy2_input", micro(500 + 90 * seconds));
  });
  auto probes = hwmon_in(tree, clock);
  EXPECT_THAT(refused(probes, "hwmon:xe-0:3").reason, HasSubstr("'m??p'"));
  const auto meter = opened(std::move(probes), "hwmon:xe-0");
  EXPECT_EQ(meter->info().provenance, Provenance::counter);
  EXPECT_EQ(meter->info().scope, Scope::board);
  EXPECT_EQ(meter->info().part, Part::accelerator);
  EXPECT_NEAR(*meter->info().quantum_joules, 0.15, 1e-3);
  EXPECT_LT(reading_interval_seconds(meter->info()).value_or(1e9), 60);
  const auto watts = measured_watts(*meter, clock, 2);
  ASSERT_TRUE(watts) << watts.reason();
  EXPECT_NEAR(watts->value, 150, watts->error);
  EXPECT_EQ(opened(hwmon_in(tree, clock), "hwmon:xe-0:pkg")->info().scope, Scope::package);
}

TEST(Hwmon, ADriverThatIsLoadedAnewIsAFaultAndThenGoesOn) {
  const FakeTree tree;
  tree.write(chip(1) + "name", "i915");
  double start = 1000;
  TickingClock clock(
      [&](double seconds) { tree.write(chip(1) + "energy1_input", micro(start + 50 * seconds)); });
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:i915-0");
  EXPECT_EQ(meter->read().invalid, "");
  start = 0;
  clock.advance(2e-3);
  EXPECT_THAT(meter->read().invalid, HasSubstr("goes backwards"));
  EXPECT_EQ(meter->read().invalid, "");
}

TEST(Hwmon, TilesOfACardAndChipsOfUnknownFeedAreLeftOutByName) {
  const FakeTree tree;
  tree.write(chip(0) + "name", "i915_gt0");
  tree.write(chip(0) + "energy1_input", "5");
  tree.write(chip(1) + "name", "corsairpsu");
  tree.write(chip(1) + "power1_input", "90000000");
  VirtualClock clock;
  const auto probes = hwmon_in(tree, clock);
  EXPECT_THAT(refused(probes, "hwmon:i915_gt0-0").reason, HasSubstr("one tile"));
  EXPECT_THAT(refused(probes, "hwmon:corsairpsu-0").reason, HasSubstr("feeds is not known"));
}

TEST(Hwmon, AmdsSocketsAreSummedAndTheirCoresAreNot) {
  const FakeTree tree;
  tree.write(chip(3) + "name", "amd_energy");
  tree.write(chip(3) + "energy1_label", "Ecore000");
  tree.write(chip(3) + "energy2_label", "Esocket0");
  tree.write(chip(3) + "energy3_label", "Esocket1");
  TickingClock clock([&](double seconds) {
    tree.write(chip(3) + "energy1_input", micro(9 * seconds));
    tree.write(chip(3) + "energy2_input", micro(100 * seconds));
    tree.write(chip(3) + "energy3_input", micro(60 * seconds));
  });
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:amd_energy-0");
  EXPECT_EQ(meter->info().part, Part::processor);
  EXPECT_EQ(meter->info().scope, Scope::package);
  const auto watts = measured_watts(*meter, clock, 2);
  ASSERT_TRUE(watts) << watts.reason();
  EXPECT_NEAR(watts->value, 160, watts->error);
}

TEST(Hwmon, WithoutPermissionNamesTheFileAndTheCommandThatOpensIt) {
  const FakeTree tree;
  tree.write(chip(3) + "name", "amd_energy");
  tree.write(chip(3) + "energy1_label", "Esocket0");
  tree.write(chip(3) + "energy1_input", "1");
  std::filesystem::permissions(tree.at(chip(3) + "energy1_input"), std::filesystem::perms::none);
  VirtualClock clock;
  constexpr uid_t nobody = 65534;
  const auto own = static_cast<uid_t>(setfsuid(nobody));  // root reads everything else
  const auto probes = hwmon_in(tree, clock);
  setfsuid(own);
  const Unavailable none = refused(probes, "hwmon:amd_energy-0");
  EXPECT_THAT(none.reason, HasSubstr("permission denied"));
  EXPECT_EQ(none.remedy, "sudo chmod a+r " + tree.root() + "/" + chip(3) + "energy1_input");
}

TEST(Hwmon, ACounterThatStandsStillIsNoMeter) {
  const FakeTree tree;
  tree.write(chip(0) + "name", "i915");
  tree.write(chip(0) + "energy1_input", "123456");
  TickingClock clock(nothing_moves);
  EXPECT_THAT(refused(hwmon_in(tree, clock), "hwmon:i915-0").reason, HasSubstr("stands still"));
}

TEST(Hwmon, WhatIsNoPowerIsRefusedWithItsReason) {
  const std::pair<const char*, const char*> faults[] = {
      {"0", "says 0 W"},
      {"-5000000", "says -5 W"},
      {"", "not understood"},
      {"abc", "not understood"},
      {"90000000000", "more than any machine"},
      {"4294967295", "sentinel"},
  };
  for (const auto& [text, reason] : faults) {
    const FakeTree tree;
    tree.write(chip(0) + "name", "amdgpu");
    tree.write(chip(0) + "power1_input", text);
    TickingClock clock(nothing_moves);
    EXPECT_THAT(refused(hwmon_in(tree, clock), "hwmon:amdgpu-0").reason, HasSubstr(reason));
  }
}

TEST(Hwmon, ADeviceThatVanishesOrIsClosedMidRunMakesInvalidReadingsWithTheReason) {
  const FakeTree tree;
  const std::string power = chip(0) + "power1_input";
  tree.write(chip(0) + "name", "amdgpu");
  tree.write(power, "50000000");
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:amdgpu-0");
  EXPECT_EQ(meter->read().invalid, "");
  std::filesystem::permissions(tree.at(power), std::filesystem::perms::none);
  constexpr uid_t nobody = 65534;
  const auto own = static_cast<uid_t>(setfsuid(nobody));
  EXPECT_THAT(meter->read().invalid, HasSubstr("permission denied"));
  setfsuid(own);
  tree.remove(chip(0));
  EXPECT_THAT(meter->read().invalid, HasSubstr("No such file"));
  tree.write(power, "4294967295000");
  EXPECT_THAT(meter->read().invalid, HasSubstr("sentinel"));
}

TEST(Hwmon, ASensorThatIsNotSeenToUpdateHasNoPeriodAndLooksAsCoarseAsItIs) {
  const FakeTree tree;
  tree.write(chip(0) + "name", "amdgpu");
  tree.write(chip(0) + "power1_input", "120000000");
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:amdgpu-0");
  EXPECT_FALSE(meter->info().period_seconds);
  EXPECT_NEAR(*meter->info().quantum_watts, 10, 1e-9);
  EXPECT_THAT(shortest_window_seconds(meter->info(), 120, 0.02).reason(), HasSubstr("period"));
  EXPECT_LT(clock.now_seconds(), 0.35);
}

}  // namespace
}  // namespace ergon
