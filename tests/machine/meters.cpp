// The meters of this program against a machine whose joules are known, through the files that a
// kernel would show: characterised, then measured, with faults in the middle of a window.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "bench/meters/simulator/coverage.h"
#include "tests/machine/running.h"

namespace ergon {
namespace {

using machine::Running;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int windows = 12;
constexpr double wanted_error = 0.02;

std::unique_ptr<Meter> open_meter(Running& machine, std::string_view id) {
  setenv("ERGON_SYSFS", machine.sysfs().c_str(), 1);
  const MeterContext context = context_from_environment(machine);
  unsetenv("ERGON_SYSFS");
  for (const MeterEntry& entry : meter_entries())
    if (entry.id == id)
      for (Probe& probe : entry.probe(context)) {
        if (auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe)) return std::move(*meter);
        ADD_FAILURE() << std::get<Unavailable>(probe).reason;
      }
  return nullptr;
}

struct Measured {
  Maybe<Joules> joules = Absent{"not measured"};
  double truth = 0;  // of the whole machine
};

/// One window under load; the fault comes in its middle.
Measured measure(Running& machine, Meter& meter, double seconds,
                 machine::Fault fault = machine::Fault::none) {
  const double lead = lead_seconds(meter.info()) + 0.02;
  machine.set(true);
  machine.sleep_until(machine.now_seconds() + lead);
  Recorder recorder(meter, machine);
  recorder.start();
  const double began = machine.now_seconds();
  machine.sleep_until(began + seconds / 2);
  machine.fail(fault);
  machine.sleep_until(began + seconds);
  const double ended = machine.now_seconds();
  Trace trace = recorder.stop();
  machine.set(false);
  read_on(meter, machine, trace);
  return {integrate(meter.info(), trace, {began, ended, lead, true}),
          machine.joules(ended) - machine.joules(began)};
}

/// `share` of the machine's joules is what the meter should see.
void hold_the_truth(Running& machine, std::unique_ptr<Meter> meter, double share) {
  const Characterisation found = characterise(*meter, machine, machine);
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(found.idle_watts->value, share * machine::idle_watts, 0.1 * machine::idle_watts);
  EXPECT_NEAR(found.busy_watts->value, share * machine::busy_watts, 0.05 * machine::busy_watts);
  const MeterInfo info = refined(meter->info(), found);
  meter = described(std::move(meter), info);
  const auto seconds = shortest_window_seconds(info, found.busy_watts->value, wanted_error);
  ASSERT_TRUE(seconds) << seconds.reason();
  int figures = 0;
  int outside = 0;
  for (int i = 0; i < windows; ++i) {
    const Measured measured = measure(machine, *meter, *seconds * (1 + 0.05 * i));
    if (!measured.joules) {
      // This process did not get to read often enough.
      EXPECT_THAT(measured.joules.reason(), AnyOf(HasSubstr("apart"), HasSubstr("too sparse")));
      continue;
    }
    ++figures;
    const double off = std::abs(measured.joules->value - share * measured.truth);
    EXPECT_LE(off, 4 * measured.joules->error) << measured.joules->value;
    if (off > measured.joules->error) ++outside;
  }
  EXPECT_GE(figures, windows / 2);
  EXPECT_LE(outside, simulator::most_outside(figures));
}

TEST(MachineMeters, PowercapHoldsTheTruthOverAWrapOfAnOddRangeAndCountsNothingTwice) {
  Running machine(ERGON_MACHINE_WRITER);
  auto meter = open_meter(machine, "powercap");
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->info().scope, Scope::package_dram);
  EXPECT_THAT(meter->info().about, HasSubstr("left out: psys"));
  hold_the_truth(machine, std::move(meter), 1);
  const double joules = machine.joules(machine.now_seconds());
  machine.set(true);
  machine.sleep_until(machine.now_seconds() +
                      std::max(0.0, machine::joules_to_wrap / machine::package_share - joules) /
                          machine::busy_watts +
                      0.1);
  double microjoules = 0;
  std::ifstream(machine.sysfs() + "/class/powercap/intel-rapl:0/energy_uj") >> microjoules;
  EXPECT_LT(microjoules, (machine::range_joules - machine::joules_to_wrap) * 1e6) << "no wrap";
}

TEST(MachineMeters, HwmonHoldsTheTruth) {
  Running machine(ERGON_MACHINE_WRITER);
  auto meter = open_meter(machine, "hwmon");
  ASSERT_TRUE(meter);
  hold_the_truth(machine, std::move(meter), machine::card_share);
}

class MachineFault : public testing::TestWithParam<std::pair<machine::Fault, const char*>> {};

TEST_P(MachineFault, InTheMiddleOfAWindowYieldsNoFigure) {
  Running machine(ERGON_MACHINE_WRITER);
  auto meter = open_meter(machine, "powercap");
  ASSERT_TRUE(meter);
  const auto& [fault, reason] = GetParam();
  const Measured measured = measure(machine, *meter, 0.3, fault);
  ASSERT_FALSE(measured.joules) << measured.joules->value;
  EXPECT_THAT(measured.joules.reason(), HasSubstr(reason));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, MachineFault,
    testing::Values(std::pair{machine::Fault::permission, "cannot read"},
                    std::pair{machine::Fault::vanished, "No such file"},
                    std::pair{machine::Fault::frozen, "stands still"},
                    std::pair{machine::Fault::package_frozen, "while others move"}),
    [](const auto& given) { return std::to_string(static_cast<int>(given.param.first)); });

}  // namespace
}  // namespace ergon
