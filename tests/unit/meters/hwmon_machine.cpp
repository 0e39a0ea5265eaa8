// Sensors of whole machines: ACPI power meters, Grace, Jetson, batteries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/meters/characterise.h"
#include "tests/unit/meters/hwmon_tree.h"

namespace ergon {
namespace {

using ::testing::AllOf;
using testing::FakeTree;
using ::testing::HasSubstr;
using testing::hwmon_in;
using testing::ids_of;
using testing::nothing_moves;
using testing::opened;
using testing::refused;
using testing::TickingClock;

std::string chip(int number) { return "class/hwmon/hwmon" + std::to_string(number) + "/"; }

/// As older kernels have it: the files lie beside the device's.
void write_acpi(const FakeTree& tree, int number, const std::string& info, double watts,
                const std::string& below = "device/") {
  const std::string folder = chip(number) + below;
  tree.write(chip(number) + "name", "power_meter");
  tree.write(folder + "power1_average",
             std::to_string(static_cast<long long>(std::llround(watts * 1e6))));
  tree.write(folder + "power1_average_interval", "50");
  tree.write(folder + "power1_oem_info", info);
}

TEST(HwmonAcpi, IsTheNodeAveragedAsItSaysAndAsAccurateAsItSays) {
  for (const char* below : {"", "device/"}) {
    const FakeTree tree;
    write_acpi(tree, 0, "", 412, below);
    tree.write(chip(0) + below + "power1_average_interval", "1000");
    tree.write(chip(0) + below + "power1_accuracy", "95.0%");
    TickingClock clock(nothing_moves);
    const auto meter = opened(hwmon_in(tree, clock), "hwmon:power_meter-0");
    EXPECT_EQ(meter->info().part, Part::machine);
    EXPECT_EQ(meter->info().scope, Scope::node);
    EXPECT_EQ(meter->info().averaging_seconds, 1);
    EXPECT_NEAR(meter->info().relative_uncertainty, 0.0526, 1e-3);
    EXPECT_NEAR(*meter->info().period_seconds, 1, 1e-9);
    EXPECT_NEAR(*meter->info().quantum_watts, 1, 1e-9);
    EXPECT_EQ(meter->read().value, 412);
  }
}

TEST(HwmonAcpi, RefusesTheSentinelAndTheMeterOfABattery) {
  const FakeTree tree;
  write_acpi(tree, 0, "", 4294967.295);
  write_acpi(tree, 1, "", 40);
  tree.write(chip(1) + "device/power1_is_battery", "1");
  TickingClock clock(nothing_moves);
  const auto probes = hwmon_in(tree, clock);
  EXPECT_THAT(refused(probes, "hwmon:power_meter-0").reason, HasSubstr("sentinel"));
  EXPECT_THAT(refused(probes, "hwmon:power_meter-1").reason, HasSubstr("battery"));
}

TEST(HwmonGrace, SumsSocketsByKindAndNeverKindsThatContainOneAnother) {
  const FakeTree tree;
  int number = 0;
  for (const char* socket : {"0", "1"}) {
    write_acpi(tree, number++, std::string("Module Power Socket ") + socket, 500);
    write_acpi(tree, number++, std::string("Grace Power Socket ") + socket, 150);
    write_acpi(tree, number++, std::string("CPU Power Socket ") + socket, 100);
    write_acpi(tree, number++, std::string("SysIO Power Socket ") + socket, 30);
  }
  TickingClock clock(nothing_moves);
  const auto probes = hwmon_in(tree, clock);
  EXPECT_EQ(ids_of(probes), "hwmon:grace hwmon:grace:cpu hwmon:grace:module ");
  const auto socket = opened(hwmon_in(tree, clock), "hwmon:grace");
  EXPECT_EQ(socket->read().value, 300);
  EXPECT_EQ(socket->info().part, Part::processor);
  EXPECT_EQ(socket->info().scope, Scope::package);
  EXPECT_EQ(socket->info().averaging_seconds, 0.05);
  EXPECT_THAT(socket->info().about, HasSubstr("left out: CPU and SysIO"));
  const auto module = opened(hwmon_in(tree, clock), "hwmon:grace:module");
  EXPECT_EQ(module->read().value, 1000);
  EXPECT_EQ(module->info().part, Part::machine);
}

TEST(HwmonAcpi, AnotherRailOfASocketIsNotTakenForTheNode) {
  const FakeTree tree;
  write_acpi(tree, 0, "CPU Rail Input Power Socket 0", 60);
  write_acpi(tree, 1, "Chassis", 400);
  TickingClock clock(nothing_moves);
  const auto probes = hwmon_in(tree, clock);
  EXPECT_THAT(refused(probes, "hwmon:power_meter-0").reason,
              AllOf(HasSubstr("CPU Rail Input Power Socket 0"), HasSubstr("not known")));
  EXPECT_EQ(opened(hwmon_in(tree, clock), "hwmon:power_meter-1")->info().scope, Scope::node);
}

TEST(HwmonGrace, OneSocketThatDoesNotKnowSpoilsTheSum) {
  const FakeTree tree;
  write_acpi(tree, 0, "Grace Power Socket 0", 150);
  write_acpi(tree, 1, "Grace Power Socket 1", 150);
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:grace");
  write_acpi(tree, 1, "Grace Power Socket 1", 4294967.295);
  EXPECT_THAT(meter->read().invalid, AllOf(HasSubstr("hwmon1"), HasSubstr("sentinel")));
}

void write_rail(const FakeTree& tree, int number, int channel, const std::string& label,
                int millivolts, int milliamperes) {
  const std::string n = std::to_string(channel);
  tree.write(chip(number) + "name", "ina3221");
  tree.write(chip(number) + "update_interval", "4");
  tree.write(chip(number) + "in" + n + "_label", label);
  tree.write(chip(number) + "in" + n + "_enable", "1");
  tree.write(chip(number) + "in" + n + "_input", std::to_string(millivolts));
  tree.write(chip(number) + "curr" + n + "_input", std::to_string(milliamperes));
  tree.write(chip(number) + "shunt" + n + "_resistor", "5000");
}

TEST(HwmonJetson, TheInputRailIsTakenAloneSinceItContainsTheOthers) {
  const FakeTree tree;
  write_rail(tree, 1, 1, "VDD_IN", 5000, 2000);
  write_rail(tree, 1, 2, "VDD_CPU_GPU_CV", 5000, 700);
  write_rail(tree, 1, 3, "VDD_SOC", 5000, 400);
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:ina3221");
  EXPECT_NEAR(meter->read().value, 10, 1e-9);
  EXPECT_EQ(meter->info().part, Part::machine);
  EXPECT_EQ(meter->info().scope, Scope::node);
  EXPECT_NEAR(*meter->info().period_seconds, 4e-3, 1e-12);
  EXPECT_NEAR(meter->info().averaging_seconds, 4e-3, 1e-12);
  EXPECT_NEAR(*meter->info().quantum_watts, 40e-3 / 5000 * 5000, 1e-9);  // 40 uV over 5 mOhm, 5 V
  EXPECT_THAT(meter->info().about, HasSubstr("left out, inside it: VDD_CPU_GPU_CV, VDD_SOC"));
}

TEST(HwmonJetson, TheSixSuppliesOfAgxXavierAreSummedOverBothChips) {
  const FakeTree tree;
  write_rail(tree, 1, 1, "GPU", 19000, 100);
  write_rail(tree, 1, 2, "CPU", 19000, 100);
  write_rail(tree, 1, 3, "SOC", 19000, 100);
  write_rail(tree, 2, 1, "CV", 19000, -4);
  write_rail(tree, 2, 2, "VDDRQ", 19000, 50);
  write_rail(tree, 2, 3, "SYS5V", 5000, 200);
  TickingClock clock(nothing_moves);
  EXPECT_NEAR(opened(hwmon_in(tree, clock), "hwmon:ina3221")->read().value,
              3 * 1.9 - 0.076 + 0.95 + 1, 1e-9);
}

TEST(HwmonJetson, RailsOfWhichNoOneKnowsWhatContainsWhatAreRefused) {
  const FakeTree tree;
  write_rail(tree, 1, 1, "VDD_GPU_SOC", 19000, 100);
  write_rail(tree, 1, 2, "VIN_SYS_5V0", 5000, 900);
  write_rail(tree, 1, 3, "NC", 0, 0);
  TickingClock clock(nothing_moves);
  EXPECT_THAT(refused(hwmon_in(tree, clock), "hwmon:ina3221").reason,
              HasSubstr("not known: VDD_GPU_SOC, VIN_SYS_5V0"));
}

TEST(HwmonJetson, TheDriverOfOlderKernelsTellsMilliwatts) {
  const FakeTree tree;
  const std::string folder = "bus/i2c/drivers/ina3221x/6-0040/iio:device0/";
  tree.write(folder + "rail_name_0", "POM_5V_IN");
  tree.write(folder + "in_power0_input", "4250");
  tree.write(folder + "rail_name_1", "POM_5V_GPU");
  tree.write(folder + "in_power1_input", "900");
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(tree, clock), "hwmon:ina3221");
  EXPECT_NEAR(meter->read().value, 4.25, 1e-9);
  EXPECT_FALSE(meter->info().period_seconds);
}

struct Laptop {
  Laptop() {
    write("BAT0/type", "Battery");
    write("BAT0/status", "Discharging");
    write("BAT0/power_now", "12500000");
    write("AC/type", "Mains");
    write("AC/online", "0");
    write("hidpp_battery_0/type", "Battery");
    write("hidpp_battery_0/scope", "Device");
    write("hidpp_battery_0/status", "Charging");
  }
  void write(const std::string& file, const std::string& text) const {
    tree.write("class/power_supply/" + file, text);
  }
  FakeTree tree;
};

TEST(HwmonBattery, IsTheMachineWhileItDischarges) {
  const Laptop laptop;
  TickingClock clock(nothing_moves);
  const auto meter = opened(hwmon_in(laptop.tree, clock), "hwmon:battery");
  EXPECT_EQ(meter->info().scope, Scope::node);
  EXPECT_EQ(meter->info().part, Part::machine);
  EXPECT_NEAR(meter->read().value, 12.5, 1e-9);
  laptop.write("AC/online", "1");
  EXPECT_THAT(meter->read().invalid, HasSubstr("a charger (AC) is connected"));
}

TEST(HwmonBattery, ThatUpdatesOnceASecondGivesJoulesOnceItIsCharacterised) {
  const Laptop laptop;
  struct Switch final : Load {
    void set(bool on) override { is_on = on; }
    bool is_on = false;
  } load;
  TickingClock clock([&, last = -1.0](double seconds) mutable {
    if (std::floor(seconds) == last) return;
    last = std::floor(seconds);
    const auto flicker = static_cast<long long>(std::fmod(last * 7919, 13)) * 10000;
    laptop.write("BAT0/power_now", std::to_string((load.is_on ? 30000000 : 8000000) + flicker));
  });
  auto meter = opened(hwmon_in(laptop.tree, clock), "hwmon:battery");
  EXPECT_THAT(shortest_window_seconds(meter->info(), 30, 0.02).reason(),
              AllOf(HasSubstr("period is not known: no update of the batteries"),
                    HasSubstr("`ergon doctor --meters` looks for longer")));
  const Characterisation found = characterise(*meter, clock, load);
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(*found.period_seconds, 1, 0.05);
  EXPECT_NEAR(found.idle_watts->value, 8, 0.2);
  EXPECT_NEAR(found.busy_watts->value, 30, 0.2);
  EXPECT_TRUE(shortest_window_seconds(refined(meter->info(), found), 30, 0.02));
}

TEST(HwmonBattery, TellsCurrentTimesVoltageWhereItTellsNoPower) {
  const Laptop laptop;
  laptop.tree.remove("class/power_supply/BAT0/power_now");
  laptop.write("BAT0/current_now", "-1500000");
  laptop.write("BAT0/voltage_now", "11000000");
  TickingClock clock(nothing_moves);
  EXPECT_NEAR(opened(hwmon_in(laptop.tree, clock), "hwmon:battery")->read().value, 16.5, 1e-9);
}

TEST(HwmonBattery, ThatDoesNotDischargeIsRefused) {
  const Laptop laptop;
  TickingClock clock(nothing_moves);
  for (const auto& [status, reason] :
       {std::pair{"Charging", "BAT0 is charging"}, std::pair{"Full", "no battery is discharging"},
        std::pair{"", "no battery is discharging"}}) {
    laptop.write("BAT0/status", status);
    EXPECT_THAT(refused(hwmon_in(laptop.tree, clock), "hwmon:battery").reason, HasSubstr(reason));
  }
}

}  // namespace
}  // namespace ergon
