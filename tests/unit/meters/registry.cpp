// What holds for every registered meter, and how they are chosen among.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "bench/meters/meter.h"
#include "tests/unit/meters/fake.h"

namespace ergon {
namespace {

using testing::FakeTree;

MeterContext context_in(const FakeTree& tree, Clock& clock) {
  MeterContext context;
  context.clock = &clock;
  context.sysfs = context.proc = context.dev = tree.root();
  context.nvml = tree.root() + "/libnvidia-ml.so.1";
  return context;
}

TEST(MeterRegistry, HoldsEachMeterOnceBestFirst) {
  std::set<std::string> ids;
  int rank = 0;
  for (const MeterEntry& entry : meter_entries()) {
    EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
    EXPECT_GE(entry.rank, rank) << entry.id;
    rank = entry.rank;
  }
  EXPECT_THAT(
      ids, ::testing::IsSupersetOf({"perf", "powercap", "nvml", "hwmon", "modelled", "declared"}));
}

TEST(MeterRegistry, OnABareMachineEveryMeterSaysWhyItIsNotThere) {
  const FakeTree nothing;
  VirtualClock clock;
  const Probed probed = probe_all(context_in(nothing, clock));
  EXPECT_TRUE(probed.meters.empty());
  ASSERT_EQ(probed.unavailable.size(), meter_entries().size());
  for (std::size_t i = 0; i < probed.unavailable.size(); ++i) {
    EXPECT_EQ(probed.unavailable[i].meter, meter_entries()[i].id);
    EXPECT_FALSE(probed.unavailable[i].reason.empty()) << probed.unavailable[i].meter;
  }
}

TEST(MeterRegistry, EveryMeterThatOpensDescribesItselfAndReads) {
  const FakeTree tree("sysfs-intel");
  testing::RunningClock clock(tree);
  for (const char* zone : {"intel-rapl:0", "intel-rapl:0:2", "intel-rapl:1", "intel-rapl:1:0"})
    clock.run(zone, 50, 1000 + std::hash<std::string>{}(zone) % 1000000000);
  MeterContext context = context_in(tree, clock);
  context.model = PowerModel{{50, 40, 60}, {200, 150, 260}, 4, Scope::wall, "test figures"};
  context.declared_watts = Estimate{65, 65, 65};
  context.declared_about = "test";
  const Probed probed = probe_all(context);
  ASSERT_EQ(probed.meters.size() + probed.unavailable.size(), meter_entries().size());
  EXPECT_GE(probed.meters.size(), 3U);
  for (const auto& meter : probed.meters) {
    const MeterInfo& info = meter->info();
    EXPECT_FALSE(info.id.empty());
    EXPECT_FALSE(info.about.empty()) << info.id;
    EXPECT_GT(info.read_seconds, 0) << info.id;
    EXPECT_GE(info.relative_uncertainty, 0) << info.id;
    EXPECT_TRUE(shortest_window_seconds(info, 100, 0.02)) << info.id;
    const double before = clock.now_seconds();
    const Reading reading = meter->read();
    EXPECT_EQ(reading.invalid, "") << info.id;
    EXPECT_GT(reading.seconds, before) << info.id;
    EXPECT_LT(reading.seconds, clock.now_seconds()) << info.id;
    if (!is_evidence(info.provenance)) {
      EXPECT_TRUE(info.id == "modelled" || info.id == "declared") << info.id;
    }
  }
}

TEST(MeterRegistry, TakesTheBetterEvidenceFirst) {
  const FakeTree tree("sysfs-amd");
  testing::RunningClock clock(tree);
  clock.run("intel-rapl:0", 50, 5);
  MeterContext context = context_in(tree, clock);
  context.declared_watts = Estimate{65, 65, 65};
  const Probed probed = probe_all(context);
  ASSERT_EQ(probed.meters.size(), 2U);
  EXPECT_EQ(probed.meters[0]->info().id, "powercap");
  EXPECT_EQ(probed.meters[1]->info().id, "declared");
}

TEST(MeterNames, OfScopesAndProvenancesReadBack) {
  for (const Scope scope :
       {Scope::core, Scope::package, Scope::package_dram, Scope::board, Scope::node, Scope::wall})
    EXPECT_EQ(scope_from_name(name(scope)), scope);
  for (const Provenance provenance :
       {Provenance::counter, Provenance::sampled, Provenance::modelled, Provenance::declared})
    EXPECT_EQ(provenance_from_name(name(provenance)), provenance);
  EXPECT_EQ(name(Scope::package_dram), "package+dram");
  EXPECT_FALSE(scope_from_name("socket"));
  EXPECT_FALSE(provenance_from_name(""));
}

TEST(MeterNames, OnlyCountersAndSamplesAreEvidence) {
  EXPECT_TRUE(is_evidence(Provenance::counter));
  EXPECT_TRUE(is_evidence(Provenance::sampled));
  EXPECT_FALSE(is_evidence(Provenance::modelled));
  EXPECT_FALSE(is_evidence(Provenance::declared));
}

TEST(MeterContext, TakesItsRootsFromTheEnvironment) {
  VirtualClock clock;
  setenv("ERGON_SYSFS", "/fake/sys", 1);
  setenv("ERGON_PROC", "", 1);
  unsetenv("ERGON_DEV");
  setenv("ERGON_NVML", "/fake/libnvidia-ml.so", 1);
  const MeterContext context = context_from_environment(clock);
  unsetenv("ERGON_SYSFS");
  unsetenv("ERGON_NVML");
  EXPECT_EQ(context.clock, &clock);
  EXPECT_EQ(context.sysfs, "/fake/sys");
  EXPECT_EQ(context.proc, "/proc");
  EXPECT_EQ(context.dev, "/dev");
  EXPECT_EQ(context.nvml, "/fake/libnvidia-ml.so");
}

}  // namespace
}  // namespace ergon
