#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "bench/meters/characterise.h"
#include "bench/meters/nvml_api.h"
#include "bench/meters/recheck.h"
#include "tests/unit/meters/probed.h"

namespace ergon {

Probes probe_nvml(const MeterContext& context);

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ids_of;
using testing::measured_watts;
using testing::opened;
using testing::refused;
using testing::TickingClock;

/// The fake library, kept open, so that its time and its faults can be set.
class Nvml : public ::testing::Test {
 protected:
  Nvml()
      : library_(dlopen(ERGON_TEST_NVML, RTLD_NOW | RTLD_LOCAL)),
        time_(find<void (*)(double)>("ergon_fake_nvml_time")),
        set_(find<void (*)(const char*)>("ergon_fake_nvml_set")),
        clock([this](double seconds) { time_(epoch_seconds + seconds); }) {}
  ~Nvml() override {
    unsetenv("ERGON_FAKE_NVML");
    dlclose(library_);
  }

  Probes probe(const std::string& settings = {}) {
    setenv("ERGON_FAKE_NVML", settings.c_str(), 1);
    MeterContext context;
    context.clock = &clock;
    context.nvml = ERGON_TEST_NVML;
    return probe_nvml(context);
  }
  static constexpr double epoch_seconds = 1000;
  void set(const std::string& settings) { set_(settings.c_str()); }

 private:
  template <class Function>
  Function find(const char* name) {
    return reinterpret_cast<Function>(dlsym(library_, name));
  }
  void* library_;
  void (*time_)(double);
  void (*set_)(const char*);

 protected:
  TickingClock clock;
};

TEST_F(Nvml, ADeviceHasItsEnergyAndItsInstantAndAveragePower) {
  EXPECT_EQ(ids_of(probe()), "nvml:0 nvml:0:instant nvml:0:average ");
  EXPECT_EQ(ids_of(probe("devices=2")),
            "nvml:0 nvml:0:instant nvml:0:average nvml:1 nvml:1:instant nvml:1:average ");
  for (const Probe& found : probe()) {
    const MeterInfo& info = std::get<std::unique_ptr<Meter>>(found)->info();
    EXPECT_EQ(info.part, Part::accelerator) << info.id;
    EXPECT_EQ(info.scope, Scope::board) << info.id;
    EXPECT_THAT(info.about, HasSubstr("NVIDIA Fake, GPU-fake-0, driver 550.54"));
  }
}

TEST_F(Nvml, TheEnergyCounterIsCharacterisedAndRight) {
  const auto meter = opened(probe("watts=250 swing=40 quantum_mj=7"), "nvml:0");
  EXPECT_EQ(meter->info().provenance, Provenance::counter);
  EXPECT_NEAR(*meter->info().period_seconds, 0.02, 2e-3);
  EXPECT_LT(*meter->info().quantum_joules, 250 * 0.02 + 1);
  const auto watts = measured_watts(*meter, clock, 4);
  ASSERT_TRUE(watts) << watts.reason();
  EXPECT_NEAR(watts->value, 250, watts->error);
  EXPECT_LT(watts->error, 0.02 * 250);
}

TEST_F(Nvml, ACounterOfSlowUpdatesIsNoneThatStandsStill) {
  const auto meter = opened(probe("period=0.1"), "nvml:0");
  EXPECT_NEAR(*meter->info().period_seconds, 0.1, 5e-3);
}

TEST_F(Nvml, PowerIsSampledAtItsPeriodAndAveragedAsItSays) {
  const auto instant = opened(probe("watts=300 swing=10 swing_seconds=0.37"), "nvml:0:instant");
  EXPECT_EQ(instant->info().provenance, Provenance::sampled);
  EXPECT_EQ(instant->info().quantity, Quantity::watts);
  EXPECT_EQ(instant->info().averaging_seconds, 0.025);
  EXPECT_NEAR(*instant->info().period_seconds, 0.02, 2e-3);
  const auto watts = measured_watts(*instant, clock, 3.7);
  ASSERT_TRUE(watts) << watts.reason();
  EXPECT_NEAR(watts->value, 300, watts->error);

  const auto average = opened(probe("watts=300"), "nvml:0:average");
  EXPECT_EQ(average->info().averaging_seconds, 1);
  EXPECT_NEAR(*average->info().period_seconds, 0.1, 1e-9);  // steady: it was not seen to update
  EXPECT_NEAR(average->read().value, 300, 0.01);
}

TEST_F(Nvml, WithoutFieldsThePowerUsageIsWhatTheArchitectureMakesOfIt) {
  struct Case {
    const char* settings;
    const char* there;
    const char* not_there;
  };
  const Case cases[] = {
      {"fields=0 architecture=9", "nvml:0:average", "nvml:0:instant"},
      {"fields=0 architecture=7", "nvml:0:average", "nvml:0:instant"},
      {"fields=0 architecture=6", "nvml:0:instant", "nvml:0:average"},
      {"fields=0 architecture=7 name=NVIDIA_A100-SXM4-80GB", "nvml:0:instant", "nvml:0:average"},
      {"fields=0 architecture=7 name=NVIDIA_RTX_A1000", "nvml:0:average", "nvml:0:instant"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(opened(probe(one.settings), one.there)->info().about,
                HasSubstr("nvmlDeviceGetPowerUsage"))
        << one.settings;
    EXPECT_THAT(refused(probe(one.settings), one.not_there).reason, HasSubstr("tells no"))
        << one.settings;
  }
}

TEST_F(Nvml, ASuperchipTellsItsModuleToo) {
  const std::string settings = "name=NVIDIA_GH200_480GB module=1 watts=400";
  const auto module = opened(probe(settings), "nvml:0:module");
  EXPECT_EQ(module->info().part, Part::machine);
  EXPECT_NEAR(module->read().value, 600, 0.1);
  EXPECT_THAT(opened(probe(settings), "nvml:0")->info().about, HasSubstr("whole module"));
  EXPECT_EQ(ids_of(probe("module=1")), "nvml:0 nvml:0:instant nvml:0:average ");
}

TEST_F(Nvml, WhatADeviceDoesNotTellIsRefusedByItsOwnReason) {
  EXPECT_THAT(refused(probe("energy=0 architecture=4"), "nvml:0").reason,
              HasSubstr("from Volta on"));
  EXPECT_THAT(refused(probe("energy=0"), "nvml:0").reason, HasSubstr("not supported"));
  EXPECT_THAT(refused(probe("stuck=1"), "nvml:0").reason, HasSubstr("stands still"));
  EXPECT_THAT(refused(probe("mig=1"), "nvml:0").reason, HasSubstr("MIG is on"));
  EXPECT_THAT(refused(probe("vgpu=1"), "nvml:0").reason, HasSubstr("a vGPU"));
  EXPECT_THAT(refused(probe("device=15"), "nvml:0").reason, HasSubstr("GPU is lost"));
  EXPECT_THAT(refused(probe("watts=0"), "nvml:0:instant").reason, HasSubstr("says 0 W"));
  EXPECT_THAT(refused(probe("devices=0"), "nvml").reason, HasSubstr("knows no GPU"));
}

TEST_F(Nvml, ALibraryThatDoesNotStartSaysWhyAndWhatOpensIt) {
  EXPECT_EQ(refused(probe("init=9"), "nvml").remedy, "sudo modprobe nvidia");
  EXPECT_THAT(refused(probe("init=9"), "nvml").reason, HasSubstr("Driver Not Loaded"));
  EXPECT_THAT(refused(probe("init=4"), "nvml").reason, HasSubstr("Insufficient Permissions"));
  EXPECT_THAT(refused(probe("init=4"), "nvml").remedy, HasSubstr("/dev/nvidiactl"));
  EXPECT_THAT(refused(probe("init=18"), "nvml").reason,
              AllOf(HasSubstr("mismatch"), HasSubstr("a reboot")));
}

TEST_F(Nvml, WithoutTheLibraryOrWithAnotherSaysSo) {
  MeterContext context;
  context.clock = &clock;
  context.nvml = "/no/such/libnvidia-ml.so.1";
  EXPECT_THAT(refused(probe_nvml(context), "nvml").reason,
              AllOf(HasSubstr("does not open"), HasSubstr(context.nvml)));
  context.nvml = "libm.so.6";
  EXPECT_THAT(refused(probe_nvml(context), "nvml").reason, HasSubstr("is no NVML"));
}

TEST_F(Nvml, AtIdleItsPeriodQuantumAndWattsAreFound) {
  const char* idle = "watts=60 swing=3 swing_seconds=0.37 period=0.1";
  const auto counter = opened(probe(idle), "nvml:0");
  EXPECT_THAT(why_no_load(counter->info()), HasSubstr("accelerator"));
  const Characterisation found = characterise_idle(*counter, clock);
  ASSERT_EQ(found.fault, "");
  EXPECT_NEAR(*found.period_seconds, 0.1, 1e-3);
  EXPECT_LT(*found.quantum, 0.01 * 60 * 0.1);
  EXPECT_NEAR(found.idle_watts->value, 60, 1);
  EXPECT_THAT(found.lag_seconds.reason(), HasSubstr("accelerator"));
  EXPECT_EQ(recheck_idle(*counter, clock, found), "");
  set("period=0.03");
  EXPECT_THAT(recheck_idle(*counter, clock, found), HasSubstr("period"));

  const auto instant = opened(probe(idle), "nvml:0:instant");
  const Characterisation watts = characterise_idle(*instant, clock);
  ASSERT_EQ(watts.fault, "");
  EXPECT_NEAR(*watts.period_seconds, 0.1, 1e-3);
  EXPECT_NEAR(watts.idle_watts->value, 60, 1);
  EXPECT_EQ(refined(instant->info(), watts).averaging_seconds, 0.025) << "as it says of itself";
}

TEST_F(Nvml, SteadyPowerAtIdleIsNoFaultOfItsWatts) {
  const auto instant = opened(probe("watts=23.0005"), "nvml:0:instant");
  const Characterisation found = characterise_idle(*instant, clock);
  EXPECT_EQ(found.fault, "");
  EXPECT_THAT(found.period_seconds.reason(), HasSubstr("at idle it changed 0 times"));
  EXPECT_NEAR(*refined(instant->info(), found).period_seconds, 0.1, 1e-9);
  EXPECT_NEAR(found.idle_watts->value, 23, 1e-3);
}

TEST_F(Nvml, AtIdleACounterThatStopsOrIsLostSaysSo) {
  for (const auto& [settings, reason] :
       {std::pair{"stuck=1000.6", "stands still"}, std::pair{"lost_after=3000", "GPU is lost"}}) {
    const auto counter = opened(probe(), "nvml:0");
    set(settings);
    EXPECT_THAT(characterise_idle(*counter, clock).fault, HasSubstr(reason));
    set("stuck=-1 lost_after=-1");
  }
}

TEST_F(Nvml, AGpuThatIsLostMidRunMakesInvalidReadingsAndNoJoules) {
  for (const char* id : {"nvml:0", "nvml:0:instant", "nvml:0:average"}) {
    const auto meter = opened(probe(), id);
    EXPECT_EQ(meter->read().invalid, "");
    set("lost_after=20");
    const auto watts = measured_watts(*meter, clock, 4);
    EXPECT_THAT(watts.reason(), HasSubstr("GPU is lost")) << id;
  }
}

TEST_F(Nvml, ACounterThatStopsMidRunIsNoticed) {
  const auto meter = opened(probe(), "nvml:0");
  Trace trace = {meter->read()};
  const double start = clock.now_seconds();
  const double interval = *reading_interval_seconds(meter->info());
  for (int i = 0; i < 800; ++i) {
    if (i == 400) set("stuck=" + std::to_string(epoch_seconds + clock.now_seconds()));
    clock.advance(interval);
    trace.push_back(meter->read());
  }
  const auto joules = integrate(meter->info(), trace, {start, clock.now_seconds() - 0.02});
  EXPECT_THAT(joules.reason(), HasSubstr("stands still"));
}

TEST(NvmlField, HoldsItsValueByItsType) {
  nvml::FieldValue field{};
  field.type = nvml::ValueType::float64;
  field.value.float64 = 1.5;
  EXPECT_EQ(nvml::number_of(field), Maybe<double>(1.5));
  field.type = nvml::ValueType::signed_int;
  field.value.signed_int = -3;
  EXPECT_EQ(nvml::number_of(field), Maybe<double>(-3.0));
  field.type = static_cast<nvml::ValueType>(99);
  EXPECT_THAT(nvml::number_of(field).reason(), HasSubstr("unknown type 99"));
}

}  // namespace
}  // namespace ergon
