// What ggml's flash attention is: right on both sides of the sizes where its code changes, over
// caches read in place, or refused in one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>
#include <filesystem>
#include <iterator>

#include "kernels/attention/attention.h"
#include "kernels/attention/ggml_node.h"
#include "tests/contract/machine.h"
#include "tests/contract/prepared.h"

namespace ergon {

Implementations make_attention_ggml(const RegistryOptions& options);

namespace {

using std::string;
using testing::AnyOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;

std::int64_t whole(std::int64_t value) { return value; }

const Implementation& ggml_attention() {
  static const Implementations all = make_attention_ggml({});
  return *all.front();
}

std::unique_ptr<Workload> workload_of(FieldMap fields) {
  fields.insert({{"phase", string("prefill")},
                 {"q_heads", whole(4)},
                 {"kv_heads", whole(2)},
                 {"head_dim", whole(64)},
                 {"dtype", string("f32")}});
  return attention_family().make(fields);
}
Problem problem_of(FieldMap fields) { return {attention_family(), workload_of(std::move(fields))}; }
FieldMap operator+(FieldMap a, const FieldMap& b) {
  a.insert(b.begin(), b.end());
  return a;
}

class GgmlAttention : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = ggml_attention().unavailable()) GTEST_SKIP() << *reason;
  }
  static void expect_right(const FieldMap& fields) {
    const Problem problem = problem_of(fields);
    SCOPED_TRACE(problem.workload().name());
    ASSERT_THAT(ggml_attention().unsupported(problem.workload()), Eq(std::nullopt));
    for (const int threads : {1, 2, 3}) {
      Prepared prepared(ggml_attention(), problem, threads);
      EXPECT_THAT(prepared.call(1).mismatch, Eq(std::nullopt)) << threads << " threads";
    }
  }
  static string refusal(const FieldMap& fields) {
    return ggml_attention().unsupported(*workload_of(fields)).value_or("supported");
  }
};

const std::vector<FieldMap>& masks() {
  static const std::vector<FieldMap> list = {
      {},
      {{"causal", false}},
      {{"window", whole(70)}},
      {{"window", whole(5)}, {"sinks", true}},
      {{"causal", false}, {"sinks", true}, {"soft_cap", 3.0}},
      {{"batch", whole(3)}},
      {{"batch", whole(4)}, {"lengths", string("spread")}},
      {{"batch", whole(2)}, {"lengths", string("spread")}, {"causal", false}},
  };
  return list;
}

// Tiles of 64 by 64 where there are as many queries, else a query at a time.
TEST_F(GgmlAttention, IsRightAroundATileUnderEveryMask) {
  for (const FieldMap& mask : masks())
    for (const std::int64_t queries : {1, 2, 63, 64, 65, 130})
      for (const std::int64_t keys : {64, 131})
        expect_right(mask + FieldMap{{"q_len", queries}, {"kv_len", keys}});
}

// One query of one sequence shares out its keys where there are 512.
TEST_F(GgmlAttention, IsRightWhereThreadsShareKeys) {
  for (const std::int64_t keys : {511, 512, 513, 1025})
    for (const FieldMap& mask : masks()) {
      expect_right(mask + FieldMap{{"q_len", whole(1)}, {"kv_len", keys}});
      expect_right(mask +
                   FieldMap{{"q_len", whole(1)}, {"kv_len", keys}, {"dtype", string("bf16")}});
    }
}

TEST_F(GgmlAttention, IsRightInEveryTypeThatItSupports) {
  for (const std::int64_t queries : {7, 64, 100})
    for (const char* dtype : {"f32", "bf16"})
      for (const char* kv_dtype : {"same", "bf16", "f16"}) {
        const FieldMap fields = {{"q_len", queries},
                                 {"kv_len", whole(150)},
                                 {"dtype", string(dtype)},
                                 {"kv_dtype", string(kv_dtype)}};
        if (!ggml_attention().unsupported(*workload_of(fields))) expect_right(fields);
      }
}

// Which it does depends on the version.
TEST_F(GgmlAttention, SaysWhatItRounds) {
  const auto said = [](std::int64_t queries, const char* dtype, const char* kv_dtype,
                       const char* words) {
    const string reason = refusal({{"q_len", queries},
                                   {"kv_len", whole(4096)},
                                   {"dtype", string(dtype)},
                                   {"kv_dtype", string(kv_dtype)}});
    EXPECT_THAT(reason, AnyOf(HasSubstr(words), Eq("supported")));
  };
  said(1, "f32", "bf16", "rounds 1 query of f32 to bf16");
  said(3, "f32", "f16", "rounds 3 queries of f32 to f16");
  said(1, "bf16", "f16", "sums values in f16 for 1 query");
  for (const std::int64_t queries : {1, 64, 1000}) {
    said(queries, "f32", "same", "supported");
    said(queries, "bf16", "bf16", "supported");
  }
}

// What it gives where it is made to compute what it refuses.
TEST_F(GgmlAttention, WouldBeWrongWhereItRefuses) {
  for (const auto& [dtype, kv_dtype] : {std::pair{"f32", "bf16"}, {"f32", "f16"}, {"bf16", "f16"}})
    for (const std::int64_t queries : {1, 63, 64}) {
      const Problem problem = problem_of({{"q_len", queries},
                                          {"kv_len", whole(8192)},
                                          {"dtype", string(dtype)},
                                          {"kv_dtype", string(kv_dtype)}});
      SCOPED_TRACE(problem.workload().name());
      const bool refused = ggml_attention().unsupported(problem.workload()).has_value();
      Prepared prepared(ggml_attention(), problem, 2);
      EXPECT_THAT(prepared.call(0).mismatch.has_value(), Eq(refused));
    }
}

TEST_F(GgmlAttention, SaysInOneLineWhatItDoesNotDo) {
  const FieldMap keys = {{"kv_len", whole(100)}};
  EXPECT_THAT(refusal(keys + FieldMap{{"page", whole(16)}}), HasSubstr("no paged cache"));
  EXPECT_THAT(refusal(keys + FieldMap{{"kv_dtype", string("s8")}}), HasSubstr("no cache of s8"));
  EXPECT_THAT(refusal(keys + FieldMap{{"page", whole(16)}}), Not(HasSubstr("\n")));
}

TEST_F(GgmlAttention, ShowsWhatConvertingCosts) {
  const auto stages = [](const char* dtype) {
    const Problem problem = problem_of({{"kv_len", whole(10)}, {"dtype", string(dtype)}});
    Prepared prepared(ggml_attention(), problem, 1);
    std::vector<string> names;
    for (const Stage& stage : prepared.plan().stages()) {
      EXPECT_TRUE(stage.per_call);
      EXPECT_GT(stage.work.bytes, 0);
      names.push_back(stage.name);
    }
    return names;
  };
  EXPECT_THAT(stages("f32"), ElementsAre("attend"));
  EXPECT_THAT(stages("bf16"), ElementsAre("convert_q", "attend", "convert_o"));
}

TEST_F(GgmlAttention, ReadsQueriesAndCacheInPlace) {
  for (const char* dtype : {"f32", "bf16"}) {
    Inputs* made = nullptr;
    const Problem problem(attention_family(),
                          workload_of({{"kv_len", whole(90)}, {"dtype", string(dtype)}}),
                          [&made](const Workload& workload, std::uint64_t seed, std::size_t slots) {
                            auto inputs = attention_family().inputs(workload, seed, slots);
                            made = inputs.get();
                            return inputs;
                          });
    problem.oracle(7);
    Prepared prepared(ggml_attention(), problem, 1);
    Inputs& inputs = *made;
    EXPECT_THAT(prepared.call(0).mismatch, Eq(std::nullopt));
    for (const char* operand : {"q", "k", "v"}) {
      std::vector<std::byte> kept(inputs.desc(operand).span_bytes());
      std::memcpy(kept.data(), inputs.data(operand, 0), kept.size());
      std::memset(inputs.data(operand, 0), 0, kept.size());
      EXPECT_TRUE(prepared.call(0).mismatch) << operand;
      EXPECT_THAT(prepared.call(1).mismatch, Eq(std::nullopt)) << "another slot's " << operand;
      std::memcpy(inputs.data(operand, 0), kept.data(), kept.size());
    }
  }
}

std::size_t from_malloc() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

// Its context and its threads' state come from malloc, what Ergon allocates does not.
TEST_F(GgmlAttention, CountsWhatGgmlAllocates) {
  if (from_malloc() == 0) GTEST_SKIP() << "another malloc";
  constexpr int threads = 2;
  for (const std::int64_t q_heads : {4, 1024}) {
    const auto workload = workload_of({{"q_heads", q_heads},
                                       {"q_len", whole(1)},
                                       {"kv_len", whole(600)},
                                       {"batch", whole(20)},
                                       {"lengths", string("spread")}});
    const auto inputs = attention_family().inputs(*workload, 1, 1);
    Device& device = machine().device_for(ggml_attention().info());
    const auto stream = device.make_stream();
    const auto call = [&] {
      auto plan = ggml_attention().prepare(*workload, *inputs, {&device, threads, 1});
      plan->enqueue(0, *stream, 0);
      return plan;
    };
    call();  // its tables, OpenMP's team
    const std::size_t before = from_malloc();
    const auto plan = call();
    const std::size_t taken = from_malloc() - before;
    const Footprint said = ggml_attention().footprint(*workload, {&device, threads, 1});
    const std::size_t outputs = plan->outputs(0).at(0).desc.span_bytes();
    // Plan and graph have small parts of their own.
    EXPECT_LE(taken, said.once + said.per_slot - outputs + 4096);
    EXPECT_GE(taken, said.once + said.per_slot - outputs);
  }
}

TEST_F(GgmlAttention, CountsMasksAndConvertedRows) {
  Device& device = machine().device_for(ggml_attention().info());
  const auto once = [&](const FieldMap& fields) {
    const auto workload = workload_of(fields + FieldMap{{"q_len", whole(128)},
                                                        {"kv_len", whole(320)},
                                                        {"v_head_dim", whole(32)}});
    return ggml_attention().footprint(*workload, {&device, 1, 1}).once;
  };
  const std::size_t plain = once({{"causal", false}});
  EXPECT_GE(once({}) - plain, 128U * 320U * 2U);
  EXPECT_EQ(once({{"causal", false}, {"dtype", string("bf16")}}) - plain,
            128U * 4U * (64 + 32) * 4);
  // The last query alone sees all keys, and needs no mask.
  EXPECT_EQ(once({{"batch", whole(2)}}), once({}));
}

std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

// Nothing else here asks for so many, and OpenMP keeps those it has made until a smaller team runs.
TEST_F(GgmlAttention, RunsOnAsManyThreadsAsItIsPlacedOn) {
  constexpr int many = 7;
  const Problem problem = problem_of({{"kv_len", whole(256)}, {"causal", false}});
  Prepared prepared(ggml_attention(), problem, many);
  const auto stream = machine().device_for(ggml_attention().info()).make_stream();
  EXPECT_LT(threads_of_this_process(), many);
  prepared.plan().enqueue(0, *stream, 0);
  EXPECT_GE(threads_of_this_process(), many);
}

}  // namespace
}  // namespace ergon
