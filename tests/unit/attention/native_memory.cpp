// What our own attention allocates: as much as it says at most; and of native attention nothing
// that grows with queries times keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/attention/allocations.h"
#include "tests/unit/attention/native_isas.h"
#include "tests/unit/attention/outputs_of.h"

namespace ergon {

Implementations make_attention_reference(const RegistryOptions& options);
Implementations make_attention_naive(const RegistryOptions& options);

namespace {

using std::string;

FieldMap fields(const char* structure, const char* phase,
                const std::vector<std::pair<const char*, std::int64_t>>& integers) {
  FieldMap all = attention_fields(structure, phase, integers);
  if (string(structure) == "mla")
    all.insert({{"head_dim", std::int64_t{48}},
                {"v_head_dim", std::int64_t{32}},
                {"kv_lora_rank", std::int64_t{64}},
                {"rope_head_dim", std::int64_t{16}}});
  if (string(structure) == "sparse")
    all.insert({{"kv_lora_rank", std::int64_t{64}},
                {"rope_head_dim", std::int64_t{16}},
                {"index_heads", std::int64_t{8}},
                {"index_head_dim", std::int64_t{32}},
                {"top_k", std::int64_t{100}}});
  return all;
}

std::vector<FieldMap> workloads() {
  return {
      fields("softmax", "prefill", {{"q_heads", 4}, {"kv_len", 300}, {"head_dim", 64}}),
      fields("softmax", "prefill",
             {{"q_heads", 2}, {"kv_len", 90}, {"head_dim", 33}, {"v_head_dim", 17}, {"batch", 3}}),
      fields("softmax", "prefill",
             {{"q_heads", 32}, {"kv_heads", 2}, {"kv_len", 64}, {"head_dim", 16}, {"batch", 4}}),
      fields("softmax", "decode", {{"q_heads", 1}, {"kv_len", 1}, {"head_dim", 1}}),
      fields("softmax", "decode",
             {{"q_heads", 8}, {"kv_heads", 2}, {"kv_len", 1500}, {"head_dim", 128}}),
      fields("softmax", "decode",
             {{"q_heads", 40}, {"kv_heads", 1}, {"kv_len", 300}, {"head_dim", 256}}),
      fields("mla", "prefill", {{"q_heads", 4}, {"kv_len", 300}}),
      fields("mla", "prefill",
             {{"q_heads", 4},
              {"kv_len", 20},
              {"head_dim", 384},
              {"v_head_dim", 256},
              {"kv_lora_rank", 512}}),
      fields("mla", "decode",
             {{"q_heads", 4},
              {"kv_len", 20},
              {"head_dim", 384},
              {"v_head_dim", 256},
              {"kv_lora_rank", 512}}),
      fields("mla", "decode", {{"q_heads", 70}, {"kv_len", 200}, {"batch", 2}}),
      fields("sparse", "decode", {{"q_heads", 4}, {"kv_len", 1}}),
      fields("sparse", "decode", {{"q_heads", 3}, {"kv_len", 5000}}),
      fields("sparse", "decode",
             {{"q_heads", 70}, {"kv_len", 300}, {"q_len", 2}, {"batch", 3}, {"index_heads", 33}}),
  };
}
std::vector<FieldMap> linear_workloads() {
  return {fields("linear", "prefill", {{"q_heads", 3}, {"kv_len", 300}, {"head_dim", 40}}),
          fields("linear", "decode", {{"q_heads", 2}, {"kv_len", 9}, {"head_dim", 128}})};
}

void expect_all_is_said(const Implementation& one, const Attention& a, int threads,
                        std::size_t slots) {
  // Whole pages else hide what is taken.
  set_page_policy(PagePolicy::small);
  const auto inputs = attention_family().inputs(a, 3, slots);
  const Placement placement{&processor(), threads, slots};
  const Footprint footprint = one.footprint(a, placement);
  const std::size_t said = footprint.once + slots * footprint.per_slot;
  const auto stream = processor().make_stream();
  on_team(threads, [](int, int) {});
  const Allocations before = allocations();
  begin_of_most();
  {
    const auto plan = one.prepare(a, *inputs, placement);
    for (std::size_t slot = 0; slot < slots; ++slot) plan->reset(slot);
    for (std::size_t slot = 0; slot < slots; ++slot)
      for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
        plan->enqueue(stage, *stream, slot);
    stream->finish();
  }
  const Allocations after = allocations();
  const std::size_t most = after.most - before.bytes;
  // A mapping is whole pages; a plan has a name, stages, and other small parts.
  const std::size_t beside = 4096 * (after.mappings - before.mappings) + 4096;
  const string where = a.name() + " " + one.info().about + ", " + std::to_string(threads) +
                       " threads, " + std::to_string(slots) + " slots";
  EXPECT_LE(most, said + beside) << where;
  // Nor is several times as much said.
  EXPECT_GE(4 * most + 262144 * static_cast<std::size_t>(threads), said) << where;
  EXPECT_EQ(after.bytes, before.bytes) << where;
}

class NativeMemory : public testing::TestWithParam<Types> {};

TEST_P(NativeMemory, IsAllThatIsAllocated) {
  for (const FieldMap& one : workloads())
    for (const simd::Isa isa : usable_isas())
      for (const int threads : {1, 4})
        expect_all_is_said(native_attention(isa), attention_of(with(one, GetParam())), threads,
                           threads == 1 ? 3 : 1);
}

// Lists of what threads do, which are small beside all else where heads are few.
TEST(NativeMemoryOfManyHeads, IsAllThatIsAllocated) {
  const Attention a = attention_of(with(
      fields("softmax", "decode",
             {{"q_heads", 64}, {"kv_heads", 64}, {"kv_len", 9}, {"head_dim", 1}, {"batch", 64}}),
      all_types[0]));
  for (const simd::Isa isa : usable_isas()) expect_all_is_said(native_attention(isa), a, 1, 1);
}

class LoopMemory : public testing::TestWithParam<Implementations (*)(const RegistryOptions&)> {};

TEST_P(LoopMemory, IsAllThatIsAllocated) {
  const Implementations loops = GetParam()({});
  std::vector<FieldMap> all = workloads();
  for (const FieldMap& one : linear_workloads()) all.push_back(one);
  for (const FieldMap& one : all)
    for (const int threads : {1, 4})
      expect_all_is_said(*loops.at(0), attention_of(with(one, {"f32", "same"})), threads, 1);
}

INSTANTIATE_TEST_SUITE_P(Of, LoopMemory,
                         testing::Values(make_attention_reference, make_attention_naive),
                         [](const auto& param) { return param.param({}).at(0)->info().name; });

TEST_P(NativeMemory, DoesNotGrowWithQueriesTimesKeys) {
  for (const char* structure : {"softmax", "mla"})
    for (const char* phase : {"prefill", "decode"}) {
      const auto bytes = [&](std::int64_t times, simd::Isa isa) {
        const bool decode = string(phase) == "decode";
        const Attention a = attention_of(with(fields(structure, phase,
                                                     {{"q_heads", 4},
                                                      {"q_len", times * (decode ? 16 : 4096)},
                                                      {"kv_len", times * (decode ? 16384 : 4096)}}),
                                              GetParam()));
        const Footprint said = native_attention(isa).footprint(a, {&processor(), 2, 1});
        return static_cast<double>(said.once + said.per_slot);
      };
      for (const simd::Isa isa : usable_isas())
        EXPECT_LT(bytes(4, isa), 5 * bytes(1, isa))
            << structure << " " << phase << " " << simd::name(isa);
    }
}

INSTANTIATE_TEST_SUITE_P(Every, NativeMemory,
                         testing::Values(all_types[0], all_types[1], all_types[2], all_types[3]),
                         [](const auto& param) { return label(param.param); });

}  // namespace
}  // namespace ergon
