// What is known of meters is applied at the start of a run, and those that changed are found anew
// or refused. The meters are simulated, in virtual time.
#include "bench/measure/characterised.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/base/error.h"
#include "bench/meters/simulator/coverage.h"

namespace ergon::measure {
namespace {

using simulator::SensorTraits;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string long_ago = "2020-01-01T00:00:00Z";

const SensorTraits& traits_of(std::string_view name) {
  for (const SensorTraits& traits : simulator::sensors())
    if (traits.name == name) return traits;
  throw std::logic_error("no such sensor");
}

class Characterised : public testing::Test {
 protected:
  Characterised() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ergon-state-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    clock_.sleep_until(1);
  }
  ~Characterised() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "meters.json").string(); }
  static record::KnownMachine machine(const std::string& id = "here") {
    return {"AuthenticAMD 26/2/1", id, {}};
  }
  MeterMemory memory() const { return {path(), machine()}; }

  /// An opener has found out that much of it.
  simulator::Sensor& add(const SensorTraits& traits, bool opener_knows_period = true,
                         Part part = Part::processor) {
    auto sensor = std::make_unique<simulator::Sensor>(traits, simulated_, 3);
    MeterInfo info = sensor->info();
    if (opener_knows_period) info.period_seconds = traits.period_seconds;
    if (traits.quantity == Quantity::cumulative_joules) info.quantum_joules = 5.0;
    info.part = part;
    sensor->describe(info);
    simulator::Sensor& out = *sensor;
    energy_.meters.push_back(std::move(sensor));
    return out;
  }
  void keep(const SensorTraits& traits, const std::string& utc = long_ago) {
    MeterInfo info;
    info.id = traits.name;
    info.about = "simulated";
    info.quantity = traits.quantity;
    MeterMemory memory = this->memory();
    EXPECT_EQ(memory.keep(info, simulator::characterise_simulated(traits, 11), utc), "");
  }
  void settle(const std::vector<std::string>& wanted = {"auto"}) {
    MeterMemory memory = this->memory();
    measure::settle(energy_, wanted, {clock_, load_, memory, [&](std::string_view line) {
                                        said_.emplace_back(line);
                                      }});
  }

  struct MachineLoad final : Load {
    explicit MachineLoad(simulator::Machine& its_machine) : machine(its_machine) {}
    void set(bool on) override {
      was_on = was_on || on;
      if (deaf > 0)
        --deaf;
      else
        machine.load(on);
    }
    simulator::Machine& machine;
    int deaf = 0;
    bool was_on = false;
  };
  std::filesystem::path folder_;
  VirtualClock clock_;
  simulator::Machine simulated_{{}, clock_, 5};
  MachineLoad load_{simulated_};
  Energy energy_;
  std::vector<std::string> said_;
};

TEST_F(Characterised, WhatIsKeptIsAppliedAndItsDateTold) {
  keep(traits_of("counter of 0.1 J"));
  add(traits_of("counter of 0.1 J"));
  settle();
  ASSERT_EQ(energy_.meters.size(), 1U);
  EXPECT_NEAR(*energy_.meters[0]->info().quantum_joules, 0.1, 1e-3);
  EXPECT_EQ(*energy_.characterised.at("counter of 0.1 J"), long_ago);
  EXPECT_THAT(said_, Contains(HasSubstr("rechecking")));
  const record::Meter recorded = energy_.describe(*energy_.meters[0]);
  EXPECT_EQ(**recorded.characterised, long_ago);
  EXPECT_GT(*recorded.jitter_seconds, 0);
  EXPECT_LT(clock_.now_seconds(), 3.1);
}

TEST_F(Characterised, WhatDiffersOnceIsLookedAtOnceMore) {
  keep(traits_of("counter of 0.1 J"));
  add(traits_of("counter of 0.1 J"));
  load_.deaf = 2;  // off and on: the first look sees no load
  settle();
  EXPECT_EQ(*energy_.characterised.at("counter of 0.1 J"), long_ago);
  EXPECT_EQ(said_.size(), 1U);
  EXPECT_EQ(load_.deaf, 0);
}

TEST_F(Characterised, AFastMeterThatIsNotKnownIsCharacterisedAndKept) {
  add(traits_of("powercap"));
  settle();
  EXPECT_TRUE(energy_.characterised.at("powercap"));
  EXPECT_LT(*energy_.meters.at(0)->info().quantum_joules, 1e-3);
  EXPECT_LT(clock_.now_seconds(), 6);
  EXPECT_NE(memory().find(energy_.meters[0]->info()), nullptr);
}

TEST_F(Characterised, ASlowMeterThatIsNotKnownKeepsWhatItsOpenerFoundOut) {
  add(traits_of("plug's counter, 1 s"));
  settle();
  EXPECT_EQ(*energy_.meters.at(0)->info().quantum_joules, 5);
  EXPECT_THAT(energy_.characterised.at("plug's counter, 1 s").reason(),
              AllOf(HasSubstr("not characterised"), HasSubstr("ergon doctor --meters")));
  const record::Meter recorded = energy_.describe(*energy_.meters[0]);
  EXPECT_THAT(recorded.characterised->reason(), HasSubstr("not characterised"));
  EXPECT_FALSE(recorded.lag_seconds) << "it is assumed, not known";
  EXPECT_EQ(clock_.now_seconds(), 1) << "no time is spent";
}

TEST_F(Characterised, AFastMeterThatChangedIsCharacterisedAnew) {
  SensorTraits before = traits_of("powercap");
  before.period_seconds = 10e-3;
  keep(before);
  add(traits_of("powercap"));
  settle();
  ASSERT_EQ(energy_.meters.size(), 1U);
  EXPECT_NE(*energy_.characterised.at("powercap"), long_ago);
  EXPECT_NEAR(*energy_.meters[0]->info().period_seconds, 1e-3, 1e-4);
  EXPECT_NE(memory().find(energy_.meters[0]->info())->characterised, long_ago);
  EXPECT_THAT(said_, Contains(HasSubstr("not as it was found")));
}

TEST_F(Characterised, ASlowMeterThatChangedIsRefused) {
  SensorTraits before = traits_of("plug's counter, 1 s");
  keep(before);
  SensorTraits now = before;
  now.period_seconds = 0.2;
  add(now);
  settle();
  EXPECT_THAT(energy_.meters, IsEmpty());
  ASSERT_EQ(energy_.unavailable.size(), 1U);
  EXPECT_THAT(energy_.unavailable[0].reason, AllOf(HasSubstr(long_ago), HasSubstr("period")));
  EXPECT_EQ(energy_.unavailable[0].remedy, "ergon doctor --meters");
}

TEST_F(Characterised, AMeterThatDoesNotFollowTheLoadIsRefusedAndTheNextOneTaken) {
  auto& frozen = add(traits_of("perf"));
  frozen.read();
  frozen.break_at(simulator::Fault::freezes, 0);
  add(traits_of("powercap"));
  settle();
  ASSERT_EQ(energy_.meters.size(), 1U);
  EXPECT_EQ(energy_.meters[0]->info().id, "powercap");
  EXPECT_TRUE(energy_.characterised.at("powercap"));
  EXPECT_THAT(energy_.unavailable.at(0).reason, HasSubstr("stands still"));
}

TEST_F(Characterised, OfAutoOnlyTheFirstThatHoldsIsRechecked) {
  keep(traits_of("perf"));
  keep(traits_of("powercap"));
  add(traits_of("perf"));
  add(traits_of("powercap"));
  settle();
  EXPECT_EQ(said_.size(), 1U);
  EXPECT_EQ(*energy_.characterised.at("powercap"), long_ago) << "applied all the same";
}

TEST_F(Characterised, OfSeveralThatAreNamedEachIsRechecked) {
  keep(traits_of("perf"));
  keep(traits_of("powercap"));
  add(traits_of("perf"));
  add(traits_of("powercap"));
  settle({"powercap", "perf"});
  EXPECT_EQ(said_.size(), 2U);
}

constexpr const char* gpu = "GPU's counter, 20 ms";

TEST_F(Characterised, AnAcceleratorsMeterIsCharacterisedAtIdleAndItsResponseIsNotRecorded) {
  add(traits_of(gpu), true, Part::accelerator);
  settle({gpu});
  ASSERT_EQ(energy_.meters.size(), 1U);
  EXPECT_THAT(said_, Contains(HasSubstr("characterising it at idle")));
  EXPECT_LT(*energy_.meters[0]->info().quantum_joules, 5);
  EXPECT_FALSE(load_.was_on);
  const record::Meter recorded = energy_.describe(*energy_.meters[0]);
  EXPECT_TRUE(*recorded.characterised);
  EXPECT_GT(*recorded.jitter_seconds, 0);
  EXPECT_FALSE(recorded.lag_seconds) << "no load reaches it, so it is not known to be none";
  EXPECT_FALSE(recorded.averaging_seconds);
  const MeterMemory memory = this->memory();
  const record::KnownMeter* kept = memory.find(energy_.meters[0]->info());
  ASSERT_NE(kept, nullptr);
  EXPECT_THAT(kept->lag_seconds.reason(), HasSubstr("accelerator"));
  EXPECT_NEAR(kept->idle_watts->value, 20, 1);
}

TEST_F(Characterised, WhatIsKeptOfAnAcceleratorsMeterIsAppliedAndRecheckedAtIdle) {
  add(traits_of(gpu), true, Part::accelerator);
  settle({gpu});
  const double quantum = *energy_.meters[0]->info().quantum_joules;
  energy_ = {};
  said_.clear();
  add(traits_of(gpu), true, Part::accelerator);
  settle({gpu});
  EXPECT_THAT(said_, testing::ElementsAre(HasSubstr("rechecking")));
  EXPECT_EQ(*energy_.meters.at(0)->info().quantum_joules, quantum);
  EXPECT_FALSE(energy_.describe(*energy_.meters[0]).lag_seconds);
  EXPECT_EQ(energy_.describe(*energy_.meters[0]).part, "accelerator");
  EXPECT_FALSE(load_.was_on);

  record::Document document;
  document.meters.push_back(energy_.describe(*energy_.meters[0]));
  energy_ = {};
  add(traits_of(gpu), true, Part::accelerator);
  settle_as_recorded(energy_, document);
  EXPECT_FALSE(energy_.describe(*energy_.meters.at(0)).lag_seconds) << "nor in a launch";
}

TEST_F(Characterised, AnAcceleratorsMeterThatStoppedIsRefused) {
  add(traits_of(gpu), true, Part::accelerator);
  settle({gpu});
  energy_ = {};
  auto& frozen = add(traits_of(gpu), true, Part::accelerator);
  frozen.read();
  frozen.break_at(simulator::Fault::freezes, 0);
  settle({gpu});
  EXPECT_THAT(energy_.meters, IsEmpty());
  EXPECT_THAT(energy_.unavailable.at(0).reason, HasSubstr("stands still"));
}

TEST_F(Characterised, AutoSpendsNoTimeOnAnAccelerator) {
  add(traits_of(gpu), true, Part::accelerator);
  settle();
  EXPECT_THAT(said_, IsEmpty());
  EXPECT_EQ(clock_.now_seconds(), 1);
}

TEST_F(Characterised, NoneAsksForNone) {
  add(traits_of("perf"));
  settle({"none"});
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(Characterised, ALaunchTakesWhatTheRunsRecordSays) {
  add(traits_of("powercap"));
  settle();
  record::Document document;
  document.meters.push_back(energy_.describe(*energy_.meters[0]));
  document.unavailable_meters.push_back({"perf", "it changed", ""});
  energy_ = {};
  add(traits_of("perf"));
  add(traits_of("powercap"));
  settle_as_recorded(energy_, document);
  ASSERT_EQ(energy_.meters.size(), 1U);
  EXPECT_EQ(energy_.meters[0]->info().quantum_joules, document.meters[0].quantum_joules);
  EXPECT_EQ(energy_.meters[0]->info().jitter_seconds, *document.meters[0].jitter_seconds);
  EXPECT_EQ(energy_.unavailable.at(0).reason, "it changed");
  EXPECT_EQ(*energy_.characterised.at("powercap"), **document.meters[0].characterised);
}

TEST_F(Characterised, WhatBelongsToAnotherMachineIsNotApplied) {
  keep(traits_of("powercap"));
  const MeterMemory elsewhere(path(), machine("there"));
  MeterInfo info;
  info.id = "powercap";
  info.about = "simulated";
  EXPECT_EQ(elsewhere.find(info), nullptr);
  EXPECT_NE(memory().find(info), nullptr);
  info.about = "another sum of zones";
  EXPECT_EQ(memory().find(info), nullptr);
}

TEST_F(Characterised, WhatOthersKeptMeanwhileStays) {
  MeterMemory mine = memory();
  keep(traits_of("powercap"));
  MeterInfo info;
  info.id = "perf";
  EXPECT_EQ(mine.keep(info, {}, long_ago), "");
  EXPECT_EQ(record::read_meter_state(path()).machines.at(0).meters.size(), 2U);
}

TEST_F(Characterised, AFileThatIsNotUnderstoodIsNeitherReadNorReplaced) {
  MeterMemory mine = memory();
  { std::ofstream(path()) << "{\n"; }
  EXPECT_THROW(memory(), UserError);
  MeterInfo info;
  info.id = "perf";
  EXPECT_THAT(mine.keep(info, {}, long_ago), HasSubstr("meters.json:"));
  EXPECT_EQ(std::filesystem::file_size(path()), 2U);
}

TEST(MeterStatePath, IsTheUsersChoiceOrTheSystemsPlace) {
  setenv("ERGON_STATE", "/a/b.json", 1);
  EXPECT_EQ(*meter_state_path(), "/a/b.json");
  unsetenv("ERGON_STATE");
  setenv("XDG_STATE_HOME", "/x", 1);
  EXPECT_EQ(*meter_state_path(), "/x/ergon/meters.json");
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", "/h", 1);
  EXPECT_EQ(*meter_state_path(), "/h/.local/state/ergon/meters.json");
  unsetenv("HOME");
  EXPECT_THAT(meter_state_path().reason(), HasSubstr("nothing is kept"));
}

}  // namespace
}  // namespace ergon::measure
