// What the family of grouped products says of a workload: fields, counted work, routing, operands.
#include "kernels/moe/moe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "kernels/moe/routing.h"
#include "tests/unit/moe/workload.h"

namespace ergon {
namespace {

using std::string;
using testing::Each;
using testing::ElementsAre;

string field_refused(const string& format, const MoeShape& shape, const FieldMap& more = {}) {
  try {
    moe_of(format, shape, more);
  } catch (const InvalidField& refused) {
    return refused.field;
  }
  return "none";
}

FieldMap routed(const char* routing) { return {{"routing", string(routing)}}; }

TEST(MoeFields, AreNamedAsTheyWereGiven) {
  EXPECT_EQ(moe_of("w4a16", {5, 96, 256, 8, 2}, {{"group", std::int64_t{64}}})->name(),
            "moe/format=w4a16,m=5,n=96,k=256,experts=8,top_k=2,group=64");
  EXPECT_EQ(moe_of("bf16", {5, 96, 256, 8, 2}, routed("skewed"))->name(),
            "moe/format=bf16,m=5,n=96,k=256,experts=8,top_k=2,routing=skewed");
}

TEST(MoeFields, AreRefusedByName) {
  EXPECT_EQ(field_refused("bf16", {1, 1, 1, 4, 4}), "none");
  EXPECT_EQ(field_refused("bf16", {1, 1, 1, 4, 5}), "top_k");
  EXPECT_EQ(field_refused("mxfp4", {1, 1, 32, 4, 1}), "format");
  EXPECT_EQ(field_refused("w4a16", {1, 1, 100, 4, 1}), "group");
  EXPECT_EQ(field_refused("w8a8", {1, 1, 64, 4, 1}, {{"zero_point", true}}), "zero_point");
  EXPECT_EQ(field_refused("bf16", {1, 1, 1, 4, 1}, routed("fair")), "routing");
  EXPECT_EQ(field_refused("bf16", {1, 1, 1, 0, 1}), "experts");
  EXPECT_EQ(field_refused("bf16", {65536, 64, 64, 65536, 8}), "m");  // hours of routing
  EXPECT_EQ(field_refused("bf16", {std::int64_t{1} << 28, 1, 1, 4, 2}), "m");
  EXPECT_EQ(field_refused("bf16", {1, std::int64_t{1} << 30, std::int64_t{1} << 24, 64, 2}),
            "experts");
}

// Two experts are used of 8; 5 tokens.
TEST(Moe, StreamsWeightsWhereUsedExpertsMeetFewRows) {
  EXPECT_TRUE(moe_of("bf16", {256, 16, 16, 256, 8})->streams_weights());
  // The same rows, but all of them with eight experts.
  EXPECT_FALSE(moe_of("bf16", {256, 16, 16, 256, 8}, routed("one"))->streams_weights());
}

TEST(MoeWork, CountsWhatACallMoves) {
  const double flops = 2.0 * 5 * 2 * 96 * 256, y = 4.0 * 10 * 96;
  const auto bf16 = moe_of("bf16", {5, 96, 256, 8, 2}, routed("one"))->work();
  EXPECT_EQ(bf16.flops, flops);
  EXPECT_EQ(bf16.bytes, 2 * 5 * 256 + 2 * (2 * 96 * 256) + y);
  EXPECT_EQ(bf16.tokens, 5);
  const auto w8a8 = moe_of("w8a8", {5, 96, 256, 8, 2}, routed("one"))->work();
  EXPECT_EQ(w8a8.bytes, 5 * 256 + 4 * 5 + 2 * (96 * 256 + 4 * 96) + y);
  const auto w4a16 = moe_of("w4a16", {5, 96, 256, 8, 2},
                            {{"routing", string("one")},
                             {"zero_point", true},
                             {"output", string("bf16")},
                             {"group", std::int64_t{64}}})
                         ->work();
  EXPECT_EQ(w4a16.bytes, 2 * 5 * 256 + 2 * (96 * 128 + 96 * 4 * 3) + y / 2);
}

TEST(MoeWork, CountsTheWeightsOfEveryExpertThatGotATokenOnce) {
  for (const char* routing : {"uniform", "skewed", "one"}) {
    const auto moe = moe_of("bf16", {3, 32, 64, 16, 4}, routed(routing));
    const auto chosen = route(*moe);
    const auto used = static_cast<double>(std::set<int>(chosen.begin(), chosen.end()).size());
    EXPECT_EQ(moe->work().bytes, 2 * 3 * 64 + used * 2 * 32 * 64 + 4 * 12 * 32) << routing;
  }
}

TEST(MoeWork, StreamsWeightsUpTo32RowsAnExpert) {
  EXPECT_TRUE(moe_of("bf16", {128, 8, 8, 8, 2})->streams_weights());
  EXPECT_FALSE(moe_of("bf16", {129, 8, 8, 8, 2})->streams_weights());
  EXPECT_TRUE(moe_of("bf16", {1, 8, 8, 8, 2})->streams_weights());
}

TEST(MoeRouting, IsAFunctionOfItsFieldsAlone) {
  for (const char* routing : {"uniform", "skewed", "one"})
    EXPECT_EQ(route(*moe_of("bf16", {50, 96, 256, 32, 4}, routed(routing))),
              route(*moe_of("w8a8", {50, 3, 7, 32, 4}, routed(routing))));
}

TEST(MoeRouting, GivesATokenDistinctExperts) {
  for (const char* routing : {"uniform", "skewed", "one"})
    for (const std::int64_t top_k : {1, 3, 8}) {
      const auto chosen = route(*moe_of("bf16", {100, 4, 4, 8, top_k}, routed(routing)));
      for (auto token = chosen.begin(); token != chosen.end(); token += top_k) {
        const std::set<int> experts(token, token + top_k);
        EXPECT_EQ(static_cast<std::int64_t>(experts.size()), top_k);
        EXPECT_GE(*experts.begin(), 0);
        EXPECT_LT(*experts.rbegin(), 8);
      }
    }
}

std::vector<double> shares(const char* routing, std::int64_t m, std::int64_t top_k) {
  std::vector<double> shares(8);
  for (const std::int32_t expert : route(*moe_of("bf16", {m, 4, 4, 8, top_k}, routed(routing))))
    shares[static_cast<std::size_t>(expert)] += 1 / static_cast<double>(m);
  return shares;
}

// A share of 8000 tokens has a deviation of at most 0.006.
TEST(MoeRouting, IsUniformWhereItSaysSo) {
  EXPECT_THAT(shares("uniform", 8000, 1), Each(testing::DoubleNear(0.125, 0.02)));
  EXPECT_THAT(shares("uniform", 8000, 2), Each(testing::DoubleNear(0.25, 0.025)));
}

TEST(MoeRouting, FollowsZipfWhereItIsSkewed) {
  double all = 0;
  for (int e = 0; e < 8; ++e) all += 1.0 / (1 + e);
  const std::vector<double> got = shares("skewed", 8000, 1);
  for (int e = 0; e < 8; ++e)
    EXPECT_NEAR(got[static_cast<std::size_t>(e)], 1.0 / (1 + e) / all, 0.025) << e;
}

TEST(MoeRouting, FillsTheFirstExpertsAloneWhereItIsOne) {
  EXPECT_THAT(shares("one", 100, 2), ElementsAre(testing::DoubleEq(shares("one", 100, 1)[0]),
                                                 testing::DoubleNear(1, 1e-9), 0, 0, 0, 0, 0, 0));
}

TEST(RowsByExpert, AreInTheirOwnOrderWithinAnExpert) {
  const std::vector<std::int32_t> expert = {3, 1, 3, 0, 1, 3};
  RowsByExpert rows(5, 6);
  for (int again = 0; again < 2; ++again) {
    rows.sort(expert.data());
    EXPECT_THAT(rows.of(0), ElementsAre(3));
    EXPECT_THAT(rows.of(1), ElementsAre(1, 4));
    EXPECT_THAT(rows.of(2), ElementsAre());
    EXPECT_THAT(rows.of(3), ElementsAre(0, 2, 5));
    EXPECT_THAT(rows.of(4), ElementsAre());
    EXPECT_EQ(rows.first(3), 3);
  }
}

TEST(MoeInputs, TurnTheRowsOfTheFirstExpert) {
  for (const std::int64_t n : {1, 5, 17, 34, 96}) {
    const auto moe = moe_of("w4a16", {2, n, 32, 7, 2}, {{"group", std::int64_t{32}}});
    const auto inputs = moe_family().inputs(*moe, 3, 2);
    for (const NamedDesc& operand : inputs->operands()) {
      if (!of_experts(operand)) continue;
      const auto row =
          static_cast<std::size_t>(operand.desc.sizes[1]) * size_of(operand.desc.dtype);
      const std::byte* data = inputs->data(operand.name, 1);
      for (std::int64_t e = 0; e < 7; ++e)
        for (std::int64_t r = 0; r < n; ++r) {
          const auto at = static_cast<std::size_t>(e * n + r) * row;
          const auto from = static_cast<std::size_t>((r + turn(*moe, e)) % n) * row;
          ASSERT_EQ(std::memcmp(data + at, data + from, row), 0) << operand.name << " " << e;
        }
    }
  }
}

TEST(MoeInputs, AreAnotherForEveryExpert) {
  for (const std::int64_t n : {96, 289, 2048}) {
    const auto moe = moe_of("bf16", {2, n, 8, 96, 2});
    std::set<std::int64_t> turns;
    for (std::int64_t e = 0; e < 96; ++e) turns.insert(turn(*moe, e));
    EXPECT_EQ(turns.size(), 96U) << n;
    EXPECT_EQ(turn(*moe, 0), 0);
  }
}

TEST(MoeInputs, AreThoseOfAQMatmulWithTheSameSeed) {
  const auto moe = moe_of("w8a8", {5, 96, 64, 4, 2});
  const auto inputs = moe_family().inputs(*moe, 9, 1);
  const auto plain = qmatmul_family().inputs(moe->tokens, 9, 1);
  for (const NamedDesc& operand : plain->operands())
    EXPECT_EQ(std::memcmp(inputs->data(operand.name, 0), plain->data(operand.name, 0),
                          operand.desc.span_bytes()),
              0)
        << operand.name;
}

}  // namespace
}  // namespace ergon
