#include "bench/measure/stopping.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/measure/bench.h"

namespace ergon::measure {
namespace {

using testing::FakeImplementation;

struct Stopping : ::testing::Test, testing::Bench {
  Stopping() {
    for (const FakeImplementation& implementation : implementations) {
      members.push_back(member(implementation));
      all.push_back(members.back().get());
    }
  }
  /// Rounds of both, both drifting together by `drift` a round, the second `factor` slower.
  void rounds(int count, double drift, double factor) {
    for (int round = 0; round < count; ++round)
      for (std::size_t i = 0; i < all.size(); ++i) {
        record::TimeSample sample;
        sample.round = round;
        sample.calls = 10;
        // Up and down in turn: a steady rise would count as dependence.
        const double now = 1 + drift * (round % 2 == 0 ? round : -round);
        sample.seconds = 10 * now * (i == 0 ? 1 : factor);
        all[i]->row.samples.push_back(sample);
      }
  }
  const FakeImplementation implementations[2] = {FakeImplementation("a"), FakeImplementation("b")};
  std::vector<std::unique_ptr<Member>> members;
  std::vector<Member*> all;
};

TEST_F(Stopping, KnowsNothingOfTooFewRounds) {
  rounds(5, 0, 1);
  EXPECT_TRUE(std::isinf(widest_interval(all)));
  EXPECT_TRUE(std::isinf(widest_ratio(all)));
}

TEST_F(Stopping, DriftThatHitsBothSidesAlikeLeavesTheirRatio) {
  rounds(12, 0.02, 1.5);
  EXPECT_GT(widest_interval(all), 0.05);
  EXPECT_NEAR(widest_ratio(all), 0, 1e-12);
}

TEST_F(Stopping, TheWorstMemberDecides) {
  rounds(12, 0, 1);
  EXPECT_NEAR(widest_interval(all), 0, 1e-12);
  for (auto& sample : all[1]->row.samples) sample.seconds *= sample.round % 2 == 0 ? 1.1 : 0.9;
  EXPECT_GT(widest_interval(all), 0.09);
  EXPECT_GT(widest_ratio(all), 0.09);
}

TEST_F(Stopping, AMemberThatFailedDecidesNothing) {
  rounds(5, 0, 1);
  all[1]->fail("failed", "a test");
  EXPECT_EQ(widest_ratio(all), 0);
}

}  // namespace
}  // namespace ergon::measure
