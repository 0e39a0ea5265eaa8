// Energy that is computed from time: modelled and declared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/modelled.h"

namespace ergon {

Probes probe_modelled(const MeterContext& context);
Probes probe_declared(const MeterContext& context);

namespace {

using ::testing::HasSubstr;

PowerModel model() { return {{60, 45, 90}, {260, 200, 280}, 4, Scope::wall, "figures of a test"}; }

MeterContext context_with(Clock& clock) {
  MeterContext context;
  context.clock = &clock;
  context.model = model();
  context.declared_watts = Estimate{80, 70, 100};
  context.declared_about = "told by a test";
  return context;
}

std::unique_ptr<Meter> opened(Probe probe) {
  return std::move(std::get<std::unique_ptr<Meter>>(probe));
}

std::string refused(Probe probe) { return std::get<Unavailable>(probe).reason; }

TEST(ModelledEnergy, IsIdleForTheTimeAndTheRestForTheCoresInUse) {
  VirtualClock clock;
  double cpu_seconds = 1000;
  const auto meter = opened(open_modelled(context_with(clock), [&] { return cpu_seconds; }));
  Trace trace = {meter->read()};
  clock.advance(10);
  cpu_seconds += 20;  // two of four cores
  trace.push_back(meter->read());
  const auto joules = integrate(meter->info(), trace, {0, 10});
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 10 * 60 + 20 * (260 - 60) / 4, 1e-9);
}

TEST(ModelledEnergy, IsNoMoreThanFullWhenEachCoreRunsTwoThreads) {
  VirtualClock clock;
  double cpu_seconds = 0;
  const auto meter = opened(open_modelled(context_with(clock), [&] { return cpu_seconds; }));
  Trace trace = {meter->read()};
  clock.advance(10);
  cpu_seconds += 80;  // eight threads on four cores
  trace.push_back(meter->read());
  EXPECT_NEAR(integrate(meter->info(), trace, {0, 10})->value, 10 * 260, 1e-9);
}

TEST(ModelledEnergy, CarriesItsLabelsAndTheWorseOfItsTwoRanges) {
  VirtualClock clock;
  const auto meter = opened(open_modelled(context_with(clock), [] { return 0.0; }));
  EXPECT_EQ(meter->info().provenance, Provenance::modelled);
  EXPECT_EQ(meter->info().scope, Scope::wall);
  EXPECT_EQ(meter->info().about, "figures of a test");
  EXPECT_DOUBLE_EQ(meter->info().relative_uncertainty, 0.5);  // idle: 60 to 90
}

// Watts per core of a part whose published results reach further down than up, as a factor.
TEST(ModelledEnergy, ReachesTheLowEndOfARangeThatIsAFactor) {
  VirtualClock clock;
  MeterContext context = context_with(clock);
  const PowerModel lopsided{{0.8, 0.41, 1.1}, {2, 1.9, 2.1}, 4, Scope::wall, "figures of a test"};
  context.model = lopsided;
  const auto meter = opened(open_modelled(context, [] { return 0.0; }));
  const double factor = 1 + meter->info().relative_uncertainty;
  EXPECT_LE(0.8 / factor, 0.41 * (1 + 1e-12));
  EXPECT_GE(0.8 * factor, 1.1);
  EXPECT_NEAR(factor, 0.8 / 0.41, 1e-12);
}

TEST(DeclaredEnergy, ReachesTheLowEndOfARangeThatIsAFactor) {
  VirtualClock clock;
  MeterContext context = context_with(clock);
  context.declared_watts = Estimate{80, 20, 100};
  EXPECT_DOUBLE_EQ(opened(std::move(probe_declared(context).front()))->info().relative_uncertainty,
                   3);  // 80 / 20
}

TEST(ModelledEnergy, GrowsWithTheProcessorTimeOfThisProcess) {
  VirtualClock clock;
  const auto meter = opened(std::move(probe_modelled(context_with(clock)).front()));
  const double before = meter->read().value;
  double sum = 0;
  for (int i = 1; i < 1'000'000; ++i) sum += 1.0 / i;
  clock.advance(100);
  EXPECT_GT(meter->read().value, before + 100 * 60) << sum;
}

TEST(ModelledEnergy, IsAbsentWithoutFiguresOrWithImpossibleOnes) {
  VirtualClock clock;
  MeterContext context = context_with(clock);
  const auto no_cpu = [] { return 0.0; };
  context.model = Absent{"no figures for family 6 model 1"};
  EXPECT_EQ(refused(open_modelled(context, no_cpu)), "no figures for family 6 model 1");
  PowerModel wrong = model();
  wrong.full_watts = {50, 50, 50};
  context.model = wrong;
  EXPECT_THAT(refused(open_modelled(context, no_cpu)), HasSubstr("less than idle"));
  wrong = model();
  wrong.cores = 0;
  context.model = wrong;
  EXPECT_THAT(refused(open_modelled(context, no_cpu)), HasSubstr("cores"));
  wrong = model();
  wrong.idle_watts = {0, 0, 0};
  context.model = wrong;
  EXPECT_THAT(refused(open_modelled(context, no_cpu)), HasSubstr("is not a power"));
}

TEST(DeclaredEnergy, IsWattsTimesSeconds) {
  VirtualClock clock;
  const auto meter = opened(std::move(probe_declared(context_with(clock)).front()));
  Trace trace = {meter->read()};
  clock.advance(5);
  trace.push_back(meter->read());
  const auto joules = integrate(meter->info(), trace, {0, 5});
  ASSERT_TRUE(joules) << joules.reason();
  EXPECT_NEAR(joules->value, 400, 1e-9);
}

TEST(DeclaredEnergy, CarriesItsLabelsAndRange) {
  VirtualClock clock;
  MeterContext context = context_with(clock);
  context.declared_scope = Scope::package;
  const auto meter = opened(std::move(probe_declared(context).front()));
  EXPECT_EQ(meter->info().provenance, Provenance::declared);
  EXPECT_EQ(meter->info().scope, Scope::package);
  EXPECT_EQ(meter->info().part, Part::processor);
  EXPECT_EQ(meter->info().about, "told by a test");
  EXPECT_DOUBLE_EQ(meter->info().relative_uncertainty, 0.25);  // 80 to 100
}

TEST(DeclaredEnergy, AtTheWallIsTheWholeMachines) {
  VirtualClock clock;
  const auto meter = opened(std::move(probe_declared(context_with(clock)).front()));
  EXPECT_EQ(meter->info().part, Part::machine);
}

TEST(DeclaredEnergy, IsAbsentWithoutWattsOrWithImpossibleOnes) {
  VirtualClock clock;
  MeterContext context = context_with(clock);
  context.declared_watts = Absent{"no --watts given"};
  EXPECT_EQ(refused(std::move(probe_declared(context).front())), "no --watts given");
  context.declared_watts = Estimate{-5, -5, -5};
  EXPECT_THAT(refused(std::move(probe_declared(context).front())), HasSubstr("is not a power"));
}

}  // namespace
}  // namespace ergon
