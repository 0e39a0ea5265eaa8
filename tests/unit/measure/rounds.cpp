#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "bench/measure/block.h"
#include "tests/unit/measure/bench.h"

namespace ergon::measure {
namespace {

using testing::Behaviour;
using testing::Call;
using testing::doubled;
using ::testing::ElementsAre;
using testing::FakeImplementation;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::y_at;

struct ARound : ::testing::Test, testing::Bench {
  ARound() {
    for (const FakeImplementation& implementation : implementations) {
      members.push_back(member(implementation));
      all.push_back(members.back().get());
    }
  }
  /// Positions of each round, in the order of the windows.
  std::map<int, std::vector<int>> positions() const {
    std::map<int, std::vector<int>> out;
    for (const auto& [key, sample] : sink.samples) out[sample.round].push_back(sample.position);
    return out;
  }
  const FakeImplementation implementations[3] = {FakeImplementation("a"), FakeImplementation("b"),
                                                 FakeImplementation("c")};
  std::vector<std::unique_ptr<Member>> members;
  std::vector<Member*> all;
};

TEST_F(ARound, GivesEveryMemberOneWindow) {
  for (int i = 0; i < 5; ++i) run_round(all, session);
  for (const auto& [round, order] : positions()) EXPECT_THAT(order, ElementsAre(0, 1, 2)) << round;
  for (const auto& it : members) EXPECT_THAT(it->row.samples, SizeIs(5));
}

TEST_F(ARound, ShufflesTheMembers) {
  for (int i = 0; i < 40; ++i) run_round(all, session);
  for (const auto& it : members) {
    std::set<int> seen;
    for (const auto& sample : it->row.samples) seen.insert(sample.position);
    EXPECT_THAT(seen, ElementsAre(0, 1, 2)) << it->key;
  }
}

TEST_F(ARound, LeavesUnusableMembersOutWithoutAHole) {
  members[1]->fail("wrong", "a test");
  for (int i = 0; i < 20; ++i) run_round(all, session);
  for (const auto& [round, order] : positions()) EXPECT_THAT(order, ElementsAre(0, 1)) << round;
  EXPECT_THAT(members[1]->row.samples, SizeIs(0));
}

TEST_F(ARound, GoesOnNumberingWhereTheLastOneStopped) {
  session.next_round = 4;
  run_round(all, session);
  run_round({all[0]}, session);
  EXPECT_EQ(members[0]->row.samples.at(0).round, 4);
  EXPECT_EQ(members[0]->row.samples.at(1).round, 5);
  EXPECT_EQ(session.next_round, 6);
}

struct ABlock : ::testing::Test, testing::Bench {
  void measure(const std::vector<const FakeImplementation*>& implementations, double seconds = 1) {
    BlockPlan plan;
    plan.slots = 2;
    for (const auto* implementation : implementations)
      plan.cases.push_back(case_of(*implementation));
    Ceilings none(machine_, {}, 0, session);
    measure_block(plan, seconds, none, session);
  }
  const record::Row& row(const std::string& backend) const {
    for (const record::Row& finished : sink.finished)
      if (finished.implementation.backend == backend) return finished;
    throw std::logic_error("no finished row of " + backend);
  }
  /// Right with the first call of a plan's and once the inputs have changed.
  static Behaviour right_when_looked_at() {
    Behaviour does;
    auto first = std::make_shared<float>();
    does.compute = [first](const Call& call) {
      doubled(call);
      if (call.number == 1) *first = *call.x;
      if (call.number > 2 && *call.x == *first) y_at(call, 0, 0) += 1;
    };
    return does;
  }

 private:
  const Machine machine_{RegistryOptions{}};
};

TEST_F(ABlock, MeasuresSixRoundsOfASteadyMachineAndStops) {
  const FakeImplementation a("a"), b("b");
  measure({&a, &b}, 1000);
  EXPECT_THAT(row("a").samples, SizeIs(6));
  EXPECT_THAT(row("b").samples, SizeIs(6));
  EXPECT_TRUE(row("a").accuracy->verified_after);
  EXPECT_THAT(sink.finished, SizeIs(2));
}

TEST_F(ABlock, MeasuresSixRoundsHoweverShortItsTime) {
  const FakeImplementation a("a");
  measure({&a}, 0);
  EXPECT_THAT(row("a").samples, SizeIs(6));
}

TEST_F(ABlock, GoesOnUntilItsTimeIsOverOnARestlessMachine) {
  FakeImplementation restless("restless");
  restless.does.seconds = [](int number) { return number / 20 % 2 == 0 ? 1e-3 : 3e-3; };
  measure({&restless}, 5);
  EXPECT_GT(row("restless").samples.size(), 30U);
  EXPECT_GT(clock.now_seconds(), 0.95 * 5);
  EXPECT_LT(clock.now_seconds(), 0.95 * 5 + 4);
}

TEST_F(ABlock, FindsACheatThatIsRightBeforeAndAfter) {
  const FakeImplementation cheat("cheat", right_when_looked_at()), honest("honest");
  measure({&cheat, &honest});
  EXPECT_EQ(row("cheat").status, "wrong");
  EXPECT_THAT(row("cheat").reason, HasSubstr("y[0,0]"));
  EXPECT_EQ(row("honest").status, "");
  EXPECT_THAT(row("honest").samples, SizeIs(6));
}

TEST_F(ABlock, FindsACheatThatRemembersTheAnswer) {
  Behaviour does;
  const auto remembered = std::make_shared<std::map<const float*, float>>();
  does.compute = [remembered](const Call& call) {
    doubled(call);
    y_at(call, 0, 0) = remembered->emplace(call.x, y_at(call, 0, 0)).first->second;
  };
  const FakeImplementation cheat("cheat", does);
  measure({&cheat});
  EXPECT_EQ(row("cheat").status, "wrong");
  EXPECT_THAT(row("cheat").samples, SizeIs(6));
}

TEST_F(ABlock, ChecksItsLastSlotToo) {
  Behaviour does;
  const auto first = std::make_shared<const float*>(nullptr);
  does.compute = [first](const Call& call) {
    doubled(call);
    if (!*first) *first = call.x;
    if (call.x != *first) y_at(call, 0, 0) += 1;
  };
  const FakeImplementation one_slot("one-slot", does);
  measure({&one_slot});
  EXPECT_EQ(row("one-slot").status, "wrong");
  EXPECT_THAT(row("one-slot").samples, SizeIs(0));
}

TEST_F(ABlock, GoesOnWithoutAMemberThatFails) {
  FakeImplementation broken("broken"), honest("honest");
  broken.does.prepare = [] { throw std::runtime_error("boom"); };
  measure({&broken, &honest});
  EXPECT_EQ(row("broken").status, "failed");
  EXPECT_THAT(row("honest").samples, SizeIs(6));
}

TEST_F(ABlock, WithoutMemoryForItsInputsFailsAndDoesNotEndTheRun) {
  const FakeImplementation a("a"), b("b");
  family.slots_in_memory = 1;
  measure({&a, &b});
  EXPECT_THAT(sink.finished, SizeIs(2));
  EXPECT_THAT(sink.started, SizeIs(2));
  for (const char* backend : {"a", "b"}) {
    EXPECT_EQ(row(backend).status, "failed");
    EXPECT_THAT(row(backend).reason, HasSubstr("memory"));
  }
}

TEST_F(ABlock, WithoutAnOracleFailsWhatHadNotFailedBefore) {
  FakeImplementation broken("broken"), honest("honest");
  broken.does.prepare = [] { throw std::runtime_error("boom"); };
  family.oracles = 0;
  measure({&broken, &honest});
  EXPECT_THAT(sink.finished, SizeIs(2));
  EXPECT_THAT(row("broken").reason, HasSubstr("boom"));
  EXPECT_EQ(row("honest").reason, "no oracle");
}

TEST_F(ABlock, ThatCannotBeVerifiedAgainFails) {
  const FakeImplementation a("a");
  family.oracles = 1;
  measure({&a});
  EXPECT_EQ(row("a").status, "failed");
  EXPECT_THAT(row("a").samples, SizeIs(6));
}

}  // namespace
}  // namespace ergon::measure
