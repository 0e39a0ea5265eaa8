#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>

#include <cerrno>

#include "bench/meters/power_pmu.h"
#include "tests/unit/meters/fake.h"

namespace ergon {

Probes probe_perf(const MeterContext& context);

namespace {

using ::testing::AllOf;
using testing::FakeTree;
using ::testing::HasSubstr;

const std::string devices = "bus/event_source/devices/";

TEST(PowerPmu, OnIntelIsPackageAndMemoryOnOneProcessorPerPackage) {
  const FakeTree tree("sysfs-intel");
  const auto pmu = find_power_pmu(tree.root());
  ASSERT_TRUE(pmu) << pmu.reason();
  EXPECT_EQ(pmu->name, "power");
  EXPECT_EQ(pmu->type, 9U);
  EXPECT_EQ(pmu->cpus, (std::vector<int>{0, 28}));
  EXPECT_EQ(pmu->scope, Scope::package_dram);
  ASSERT_EQ(pmu->events.size(), 2U);
  EXPECT_EQ(pmu->events[0].name, "energy-pkg");
  EXPECT_EQ(pmu->events[0].config, 2U);
  EXPECT_EQ(pmu->events[0].joules_per_count, 0x1p-32);
  EXPECT_EQ(pmu->events[1].name, "energy-ram");
}

TEST(PowerPmu, OnAmdIsThePackageAlone) {
  const FakeTree tree("sysfs-amd");
  const auto pmu = find_power_pmu(tree.root());
  ASSERT_TRUE(pmu) << pmu.reason();
  EXPECT_EQ(pmu->type, 12U);
  EXPECT_EQ(pmu->scope, Scope::package);
  EXPECT_EQ(pmu->events.size(), 1U);
}

TEST(PowerPmu, WithoutAPackageEventIsTheCores) {
  const FakeTree tree("sysfs-amd");
  tree.remove(devices + "power");
  const auto pmu = find_power_pmu(tree.root());
  ASSERT_TRUE(pmu) << pmu.reason();
  EXPECT_EQ(pmu->name, "power_core");
  EXPECT_EQ(pmu->scope, Scope::core);
  EXPECT_EQ(pmu->cpus, (std::vector<int>{0, 1, 2, 3}));
}

TEST(PowerPmu, ThatIsMissingOrNotUnderstoodSaysWhy) {
  const FakeTree nothing;
  EXPECT_THAT(find_power_pmu(nothing.root()).reason(), HasSubstr("no energy PMU"));
  const FakeTree tree("sysfs-amd");
  tree.remove(devices + "power_core");
  const std::string event = devices + "power/events/energy-pkg";
  tree.write(event + ".unit", "Watts");
  EXPECT_THAT(find_power_pmu(tree.root()).reason(), HasSubstr("not joules"));
  tree.write(event + ".unit", "Joules");
  tree.write(event + ".scale", "0");
  EXPECT_THAT(find_power_pmu(tree.root()).reason(), HasSubstr("not joules"));
  tree.write(event, "umask=3");
  EXPECT_THAT(find_power_pmu(tree.root()).reason(), HasSubstr("not understood"));
  tree.make_unreadable(devices + "power/cpumask");
  EXPECT_THAT(find_power_pmu(tree.root()).reason(), HasSubstr("cpumask"));
}

TEST(PerfRefusal, ForWantOfPermissionNamesTheLevelAndTheCommand) {
  const Unavailable none = perf_refusal(EACCES, 2.0);
  EXPECT_THAT(none.reason, AllOf(HasSubstr("perf_event_paranoid"), HasSubstr("it is 2")));
  EXPECT_EQ(none.remedy, "sudo sysctl kernel.perf_event_paranoid=0");
  EXPECT_THAT(perf_refusal(EPERM, Absent{"no /proc"}).reason, HasSubstr("not readable"));
}

TEST(PerfRefusal, InSpiteOfPermissionHasNoRemedy) {
  const Unavailable none = perf_refusal(EPERM, -1.0);
  EXPECT_THAT(none.reason, HasSubstr("seccomp"));
  EXPECT_EQ(none.remedy, "");
}

TEST(PerfRefusal, ForAnyOtherReasonSaysWhatTheKernelSays) {
  const Unavailable none = perf_refusal(ENODEV, 2.0);
  EXPECT_THAT(none.reason, HasSubstr("No such device"));
  EXPECT_EQ(none.remedy, "");
}

TEST(PerfMeter, IsNotOpenedThroughARedirectedTree) {
  const FakeTree tree("sysfs-intel");
  VirtualClock clock;
  MeterContext context;
  context.clock = &clock;
  context.sysfs = tree.root();
  const Probe probe = std::move(probe_perf(context).front());
  EXPECT_THAT(std::get<Unavailable>(probe).reason, HasSubstr("redirected"));
}

// The kernel's own clock event stands in for energy: 1 W where a count is a nanojoule.
TEST(PerfMeter, SumsTheCountersOfTheRunningKernel) {
  PowerPmu pmu;
  pmu.name = "software";
  pmu.type = PERF_TYPE_SOFTWARE;
  pmu.cpus = {0};
  pmu.events = {{"cpu-clock", PERF_COUNT_SW_CPU_CLOCK, 1e-9},
                {"cpu-clock", PERF_COUNT_SW_CPU_CLOCK, 2e-9}};
  SteadyClock clock;
  Probe probe = open_power_pmu(pmu, clock, "/proc");
  if (auto* none = std::get_if<Unavailable>(&probe)) GTEST_SKIP() << none->reason;
  Meter& meter = *std::get<std::unique_ptr<Meter>>(probe);
  const Reading before = meter.read();
  clock.sleep_until(clock.now_seconds() + 0.05);
  const Reading after = meter.read();
  ASSERT_EQ(after.invalid, "");
  const double seconds = after.seconds - before.seconds;
  EXPECT_NEAR((after.value - before.value) / seconds, 3, 0.3);
}

}  // namespace
}  // namespace ergon
