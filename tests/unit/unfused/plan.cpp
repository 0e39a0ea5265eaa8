// What unfused attention does in which stage, what it keeps in memory, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/attention/unfused.h"
#include "kernels/devices/cpu.h"

namespace ergon {
Implementations make_attention_unfused(const RegistryOptions& options);

namespace {

using std::string;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

std::int64_t whole(std::int64_t value) { return value; }

std::unique_ptr<Workload> attention(const FieldMap& more, const string& dtype = "f32") {
  FieldMap fields = {{"phase", string("decode")}, {"q_heads", whole(4)},  {"kv_heads", whole(2)},
                     {"head_dim", whole(16)},     {"kv_len", whole(100)}, {"dtype", dtype}};
  for (const auto& [name, value] : more) fields.insert_or_assign(name, value);
  return attention_family().make(fields);
}

struct Unfused {
  Unfused() {
    string reason;
    device = std::move(find_cpu(reason).at(0));
    for (auto& implementation : make_attention_unfused({}))
      if (!implementation->unavailable()) available.push_back(std::move(implementation));
  }
  std::unique_ptr<Device> device;
  Implementations available;
};

TEST(Unfused, IsNamedByOnednnWhetherTheBuildHasItOrNot) {
  std::vector<string> names;
  for (const auto& implementation : make_attention_unfused({}))
    names.push_back(implementation->info().name);
  EXPECT_THAT(names, testing::Contains("onednn"));
}

TEST(UnfusedPlan, HasTheProductsAndTheSoftmaxAsStages) {
  const Unfused unfused;
  ASSERT_FALSE(unfused.available.empty());
  for (const auto& implementation : unfused.available) {
    SCOPED_TRACE(implementation->info().name);
    for (const bool paged : {false, true}) {
      const auto workload = attention({{"page", whole(paged ? 16 : 0)}});
      const auto inputs = attention_family().inputs(*workload, 1, 1);
      const auto plan = implementation->prepare(*workload, *inputs, {unfused.device.get(), 1, 1});
      std::vector<string> names;
      for (const Stage& stage : plan->stages()) {
        names.push_back(stage.name);
        EXPECT_TRUE(stage.per_call) << stage.name;
      }
      if (paged)
        EXPECT_THAT(names, ElementsAre("gather", "qk", "softmax", "pv"));
      else
        EXPECT_THAT(names, ElementsAre("qk", "softmax", "pv"));
    }
  }
}

TEST(UnfusedPlan, MovesItsScoresThroughMemoryAndSaysSo) {
  const Unfused unfused;
  for (const auto& implementation : unfused.available) {
    SCOPED_TRACE(implementation->info().name);
    const auto workload = attention({});
    const auto inputs = attention_family().inputs(*workload, 1, 1);
    const auto plan = implementation->prepare(*workload, *inputs, {unfused.device.get(), 1, 1});
    const double scores = 4 * 100 * 4, q = 4 * 16 * 4, k = 100 * 2 * 16 * 4;
    EXPECT_EQ(plan->stages()[0].work.bytes, q + k + scores);
    EXPECT_EQ(plan->stages()[1].work.bytes, 2 * scores);
    EXPECT_EQ(plan->stages()[2].work.bytes, scores + k + q);
    EXPECT_EQ(plan->stages()[0].work.flops, 2.0 * 4 * 100 * 16);
  }
}

TEST(UnfusedPlan, CountsScoresOfTheKeysThatSomeQuerySees) {
  const Unfused unfused;
  const auto once = [&](const Implementation& implementation, const FieldMap& fields) {
    return implementation.footprint(*attention(fields), {unfused.device.get(), 1, 1}).once;
  };
  const auto grown = [](std::int64_t length) {
    return FieldMap{{"phase", string("prefill")}, {"kv_len", length}};
  };
  for (const auto& implementation : unfused.available) {
    SCOPED_TRACE(implementation->info().name);
    // A library's scratchpad may be in it too.
    EXPECT_GE(once(*implementation, grown(100)), 4U * 4 * 100 * 100);
    EXPECT_GE(once(*implementation, grown(200)), 4U * 4 * 200 * 200);
    EXPECT_LT(once(*implementation, {{"kv_len", whole(100000)}, {"window", whole(10)}}),
              4U * 100000);
    const std::size_t copies = 2 * 100 * 2 * 16 * 4;
    EXPECT_GE(once(*implementation, {{"page", whole(16)}}), once(*implementation, {}) + copies);
  }
}

// What a library refuses, the contract tests leave out.
TEST(UnfusedPlan, RefusesNoMaskNorLayoutWhereQueriesAndKeysAreF32) {
  const Unfused unfused;
  const FieldMap chunk = {{"phase", string("prefill")}, {"q_len", whole(30)}};
  for (const auto& implementation : unfused.available)
    for (const FieldMap& more : {FieldMap{{"causal", false}},
                                 {{"window", whole(7)}},
                                 {{"sinks", true}},
                                 {{"soft_cap", 20.0}},
                                 {{"page", whole(16)}},
                                 {{"q_len", whole(3)}},
                                 {{"batch", whole(3)}, {"lengths", string("spread")}},
                                 {{"batch", whole(3)}},
                                 {{"v_head_dim", whole(5)}}})
      for (const FieldMap& phase : {FieldMap{}, chunk}) {
        FieldMap all = phase;
        all.insert(more.begin(), more.end());
        const auto workload = attention(all);
        EXPECT_EQ(implementation->unsupported(*workload), std::nullopt)
            << implementation->info().name << " " << workload->name();
      }
}

TEST(UnfusedPlan, RefusesKeysOfAnotherTypeInOneLine) {
  const Unfused unfused;
  for (const auto& implementation : unfused.available)
    for (const char* kv_dtype : {"bf16", "f16", "s8"})
      EXPECT_THAT(implementation->unsupported(*attention({{"kv_dtype", string(kv_dtype)}})),
                  Optional(HasSubstr("no product of f32 queries with " + string(kv_dtype))));
}

TEST(UnfusedCblas, SharesTheCallsOfAProductWhereThereAreEnoughForTheThreads) {
  const Unfused unfused;
  for (const auto& implementation : make_unfused_cblas({})) {
    if (implementation->unavailable() || implementation->max_threads() < 2) continue;
    const auto detail = [&](std::int64_t kv_heads) {
      const auto workload = attention({{"kv_heads", kv_heads}});
      const auto inputs = attention_family().inputs(*workload, 1, 1);
      return implementation->prepare(*workload, *inputs, {unfused.device.get(), 2, 1})->detail();
    };
    EXPECT_THAT(detail(2), HasSubstr("2 sgemm a product shared among threads"));
    EXPECT_THAT(detail(1), HasSubstr("1 sgemm a product on the library's threads"));
  }
}

TEST(UnfusedCblas, SaysThatItsProductsAreOfF32) {
  for (const auto& implementation : make_unfused_cblas({})) {
    if (implementation->unavailable()) continue;
    EXPECT_THAT(implementation->unsupported(*attention({}, "bf16")),
                Optional(HasSubstr("f32 only")));
  }
}

}  // namespace
}  // namespace ergon
