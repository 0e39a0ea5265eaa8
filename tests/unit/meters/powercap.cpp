#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include "bench/meters/meter.h"
#include "tests/unit/meters/fake.h"

namespace ergon {

Probes probe_powercap(const MeterContext& context);

namespace {

using ::testing::AllOf;
using testing::FakeTree;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunningClock;

Probe probe_in(const FakeTree& tree, Clock& clock) {
  MeterContext context;
  context.clock = &clock;
  context.sysfs = tree.root();
  return std::move(probe_powercap(context).front());
}

std::unique_ptr<Meter> opened(Probe probe) {
  if (auto* none = std::get_if<Unavailable>(&probe)) ADD_FAILURE() << none->reason;
  return std::move(std::get<std::unique_ptr<Meter>>(probe));
}

Unavailable refused(Probe probe) { return std::get<Unavailable>(probe); }

/// Two packages of 100 and 60 W with memory of 20 and 10 W; psys and cores run too.
void run_intel(RunningClock& clock) {
  clock.run("intel-rapl:0", 100, 1'000'000'000);
  clock.run("intel-rapl:0:0", 80, 500'000'000);
  clock.run("intel-rapl:0:2", 20, 200'000'000);
  clock.run("intel-rapl:1", 60, 3'000'000'000);
  clock.run("intel-rapl:1:0", 10, 400'000'000);
  clock.run("intel-rapl:2", 400, 9'000'000'000);
  clock.run("intel-rapl-mmio:0", 100, 1'000'000'000);
}

double measured_watts(Meter& meter, RunningClock& clock, double seconds = 2) {
  Trace trace = {meter.read()};
  const double start = clock.now_seconds();
  clock.advance(seconds);
  const double end = clock.now_seconds();
  trace.push_back(meter.read());
  const auto joules = integrate(meter.info(), trace, {start, end});
  EXPECT_TRUE(joules) << joules.reason();
  return joules->value / (end - start);
}

TEST(Powercap, SumsPackagesAndTheirMemoryAndNothingThatContainsOrRepeatsThem) {
  const FakeTree tree("sysfs-intel");
  RunningClock clock(tree);
  run_intel(clock);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_EQ(meter->info().scope, Scope::package_dram);
  EXPECT_EQ(meter->info().provenance, Provenance::counter);
  EXPECT_NEAR(measured_watts(*meter, clock), 100 + 60 + 20 + 10, 0.5);
  EXPECT_THAT(meter->info().about,
              AllOf(HasSubstr("package-0 + package-1"), HasSubstr("left out: psys")));
  EXPECT_NEAR(*meter->info().counter_range_joules, 65712.999613, 1e-6);
}

TEST(Powercap, IsPackageOnlyWhereNotEveryPackageTellsItsMemory) {
  const FakeTree tree("sysfs-intel");
  RunningClock clock(tree);
  run_intel(clock);
  tree.remove(tree.zone("intel-rapl:1:0"));
  tree.write(tree.zone("intel-rapl:1:0") + "/name", "uncore");
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_EQ(meter->info().scope, Scope::package);
  EXPECT_NEAR(measured_watts(*meter, clock), 160, 0.5);
}

TEST(Powercap, OnAmdIsThePackage) {
  const FakeTree tree("sysfs-amd");
  RunningClock clock(tree);
  clock.run("intel-rapl:0", 45, 70'000'000);
  clock.run("intel-rapl:0:0", 30, 30'000'000);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_EQ(meter->info().scope, Scope::package);
  EXPECT_NEAR(measured_watts(*meter, clock), 45, 0.2);
}

TEST(Powercap, CountsDiesThatMirrorOneCounterOnce) {
  const FakeTree tree("sysfs-zen1-multidie");
  RunningClock clock(tree);
  clock.run("intel-rapl:0", 45, 70'000'000);
  clock.run("intel-rapl:1", 45, 70'000'000);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_NEAR(measured_watts(*meter, clock), 45, 0.2);
  EXPECT_THAT(meter->info().about, HasSubstr("package-0-die-1 (repeats its package)"));
}

TEST(Powercap, AddsDiesThatHaveTheirOwnCounters) {
  const FakeTree tree("sysfs-zen1-multidie");
  RunningClock clock(tree);
  clock.run("intel-rapl:0", 45, 70'000'000);
  clock.run("intel-rapl:1", 35, 90'000'000);
  EXPECT_NEAR(measured_watts(*opened(probe_in(tree, clock)), clock), 80, 0.4);
}

TEST(Powercap, UnwrapsEachZoneByItsOwnRange) {
  const FakeTree tree("sysfs-intel");
  RunningClock clock(tree);
  run_intel(clock);
  constexpr std::uint64_t package_range = 262'143'328'850;
  constexpr std::uint64_t memory_range = 65'712'999'613;
  clock.run("intel-rapl:0", 100, package_range - 50'000'000, package_range);
  clock.run("intel-rapl:1:0", 10, memory_range - 15'000'000, memory_range);
  EXPECT_NEAR(measured_watts(*opened(probe_in(tree, clock)), clock), 190, 0.5);
}

TEST(Powercap, WithoutARangeAWrapIsAFaultWithItsReason) {
  const FakeTree tree("sysfs-amd");
  tree.remove(tree.zone("intel-rapl:0") + "/max_energy_range_uj");
  RunningClock clock(tree);
  constexpr std::uint64_t range = 65'532'610'987;
  clock.run("intel-rapl:0", 45, range - 40'000'000, range);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_FALSE(meter->info().counter_range_joules);
  EXPECT_EQ(meter->read().invalid, "");
  clock.advance(2);
  EXPECT_THAT(meter->read().invalid, HasSubstr("goes backwards"));
}

TEST(Powercap, CharacterisesItsCounterWhenOpened) {
  const FakeTree tree("sysfs-amd");
  RunningClock clock(tree);
  clock.run("intel-rapl:0", 45, 70'000'000);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_NEAR(*meter->info().period_seconds, RunningClock::period_seconds, 1e-4);
  EXPECT_NEAR(*meter->info().quantum_joules, 45e-3, 1e-4);
  EXPECT_GT(meter->info().read_seconds, 0);
  EXPECT_LT(clock.now_seconds(), 0.1);
}

TEST(Powercap, AllowsEveryCounterOfASumItsOwnQuantumAndPeriod) {
  const FakeTree tree("sysfs-intel");
  RunningClock clock(tree);
  run_intel(clock);
  const auto meter = opened(probe_in(tree, clock));
  EXPECT_NEAR(*meter->info().period_seconds, 4 * RunningClock::period_seconds, 4e-4);
  EXPECT_NEAR(*meter->info().quantum_joules, 4 * 190e-3, 4e-3);
}

TEST(Powercap, SaysSoWhenAReadFailsAfterOpeningAndGoesOnAfterwards) {
  const FakeTree tree("sysfs-amd");
  RunningClock clock(tree);
  clock.run("intel-rapl:0", 45, 70'000'000);
  const auto meter = opened(probe_in(tree, clock));
  const std::string energy = tree.zone("intel-rapl:0") + "/energy_uj";
  std::filesystem::rename(tree.at(energy), tree.at(energy + ".kept"));
  EXPECT_THAT(meter->read().invalid, HasSubstr("cannot read"));
  std::filesystem::rename(tree.at(energy + ".kept"), tree.at(energy));
  EXPECT_EQ(meter->read().invalid, "");
}

TEST(Powercap, ACounterThatStandsStillIsNotAMeter) {
  const FakeTree tree("sysfs-intel");
  VirtualClock clock;
  EXPECT_THAT(refused(probe_in(tree, clock)).reason, HasSubstr("stands still"));
}

TEST(Powercap, WithoutPermissionNamesTheFileAndTheCommandThatOpensIt) {
  const FakeTree tree("sysfs-intel");
  VirtualClock clock;
  std::filesystem::permissions(tree.at(tree.zone("intel-rapl:0") + "/energy_uj"),
                               std::filesystem::perms::none);
  constexpr uid_t nobody = 65534;
  const auto own = static_cast<uid_t>(setfsuid(nobody));  // root reads everything else
  const Unavailable none = refused(probe_in(tree, clock));
  setfsuid(own);
  EXPECT_THAT(none.reason, AllOf(HasSubstr("intel-rapl:0/energy_uj"), HasSubstr("denied")));
  EXPECT_EQ(none.remedy,
            "sudo chmod a+r " + tree.root() + "/class/powercap/intel-rapl:*/energy_uj");
}

TEST(Powercap, AFileThatCannotBeReadForAnotherReasonHasNoRemedy) {
  const FakeTree tree("sysfs-intel");
  VirtualClock clock;
  tree.make_unreadable(tree.zone("intel-rapl:1") + "/energy_uj");
  const Unavailable none = refused(probe_in(tree, clock));
  EXPECT_THAT(none.reason, HasSubstr("intel-rapl:1/energy_uj"));
  EXPECT_EQ(none.remedy, "");
}

TEST(Powercap, WithoutZonesOrPackagesSaysWhich) {
  const FakeTree nothing;
  VirtualClock clock;
  EXPECT_THAT(refused(probe_in(nothing, clock)).reason, HasSubstr("no intel-rapl zone"));
  const FakeTree tree;
  tree.write(tree.zone("intel-rapl:0") + "/name", "psys");
  tree.write(tree.zone("intel-rapl:0") + "/energy_uj", "1");
  EXPECT_THAT(refused(probe_in(tree, clock)).reason, HasSubstr("is a package"));
}

}  // namespace
}  // namespace ergon
