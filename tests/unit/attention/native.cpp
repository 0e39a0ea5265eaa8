// Native attention of every instruction set that this processor has, against the family's oracle;
// the contract tests see only the best.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/simd/tile.h"
#include "tests/unit/attention/native_isas.h"
#include "tests/unit/attention/outputs_of.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;

constexpr std::int64_t whole(std::int64_t value) { return value; }
const FieldValue two = whole(2), three = whole(3), spread = string("spread");

FieldMap prefill(std::int64_t q_heads, std::int64_t kv_len, FieldMap more) {
  more.insert({{"phase", string("prefill")}, {"q_heads", q_heads}, {"kv_len", kv_len}});
  return more;
}
FieldMap decode(std::int64_t q_heads, std::int64_t kv_len, FieldMap more) {
  more.insert({{"phase", string("decode")}, {"q_heads", q_heads}, {"kv_len", kv_len}});
  return more;
}

std::vector<FieldMap> softmax_workloads() {
  const FieldMap odd = {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}};
  FieldMap ragged = odd;
  ragged.insert({{"batch", three}, {"lengths", spread}, {"page", whole(16)}});
  return {
      prefill(4, 150, {{"head_dim", whole(64)}, {"kv_heads", two}}),
      prefill(1, 300, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}, {"causal", false}}),
      // More than one block of keys, of which a window leaves out one; more than one of queries.
      prefill(2, 1200,
              {{"head_dim", whole(40)},
               {"q_len", whole(140)},
               {"window", whole(100)},
               {"sinks", true}}),
      prefill(1, 20, {{"head_dim", whole(64)}, {"q_len", whole(50)}}),
      prefill(1, 90, {{"head_dim", whole(64)}, {"soft_cap", 2.0}}),
      prefill(2, 90, ragged),
      prefill(1, 100, {{"head_dim", whole(64)}, {"scale", 1000.0}}),
      decode(1, 1, {{"head_dim", whole(64)}}),
      // A head's last block of any length that is whole for some vectors and not for others.
      decode(4, 4, {{"kv_heads", two}, {"head_dim", whole(64)}}),
      decode(4, 136, {{"kv_heads", two}, {"head_dim", whole(64)}}),
      decode(4, 500, {{"kv_heads", two}, {"head_dim", whole(80)}, {"window", whole(99)}}),
      decode(6, 300, {{"kv_heads", three}, {"head_dim", whole(96)}, {"sinks", true}}),
      decode(4, 2, {{"q_len", whole(4)}, {"head_dim", whole(64)}}),
      decode(4, 260, {{"q_len", two}, {"head_dim", whole(64)}, {"soft_cap", 2.0}}),
      decode(2, 260, ragged),
      decode(2, 200, {{"head_dim", whole(64)}, {"scale", 1000.0}}),
      // More queries to a head of keys than a tile takes.
      decode(
          40, 530,
          {{"kv_heads", whole(1)}, {"head_dim", whole(64)}, {"batch", two}, {"lengths", spread}}),
      decode(32, 300,
             {{"kv_heads", whole(1)},
              {"head_dim", whole(33)},
              {"v_head_dim", whole(17)},
              {"q_len", three},
              {"page", whole(7)},
              {"window", whole(290)},
              {"sinks", true},
              {"soft_cap", 2.0}}),
  };
}

FieldMap mla(FieldMap all) {
  all.insert({{"structure", string("mla")},
              {"head_dim", whole(48)},
              {"v_head_dim", whole(32)},
              {"kv_lora_rank", whole(64)},
              {"rope_head_dim", whole(16)}});
  return all;
}
std::vector<FieldMap> mla_workloads() {
  const FieldMap odd = {
      {"head_dim", whole(21)},     {"v_head_dim", whole(11)}, {"kv_lora_rank", whole(35)},
      {"rope_head_dim", whole(6)}, {"batch", three},          {"lengths", spread},
      {"page", whole(16)}};
  FieldMap odd_square = odd;
  odd_square.insert({"causal", false});
  return {
      mla(prefill(3, 600, {{"q_len", whole(77)}, {"window", whole(70)}})),
      mla(prefill(2, 20, {{"q_len", whole(50)}})),
      mla(prefill(2, 60, {{"sinks", true}, {"soft_cap", 2.0}})),
      mla(prefill(2, 90, odd_square)),
      mla(decode(1, 1, {})),
      mla(decode(70, 300, {})),
      mla(decode(4, 2, {{"q_len", three}})),
      mla(decode(4, 600, {{"window", whole(50)}, {"sinks", true}, {"soft_cap", 2.0}})),
      mla(decode(5, 100, odd)),
      mla(decode(2, 150,
                 {{"head_dim", whole(192)},
                  {"v_head_dim", whole(128)},
                  {"kv_lora_rank", whole(512)},
                  {"rope_head_dim", whole(64)}})),
  };
}

FieldMap sparse(std::int64_t top_k, FieldMap all) {
  all.insert({{"structure", string("sparse")},
              {"kv_lora_rank", whole(64)},
              {"rope_head_dim", whole(16)},
              {"index_heads", whole(8)},
              {"index_head_dim", whole(32)},
              {"top_k", top_k}});
  return all;
}
std::vector<FieldMap> sparse_workloads() {
  const FieldMap odd = {{"kv_lora_rank", whole(35)},
                        {"rope_head_dim", whole(6)},
                        {"index_heads", whole(3)},
                        {"index_head_dim", whole(17)},
                        {"batch", three},
                        {"lengths", spread},
                        {"page", whole(16)},
                        {"q_len", two}};
  return {
      sparse(1, decode(1, 1, {})),
      sparse(1, decode(3, 100, {})),
      // More than one block of chosen keys, and of keys that are scored together.
      sparse(530, decode(4, 1200, {})),
      sparse(64, decode(4, 50, {})),
      sparse(4, decode(4, 2, {{"q_len", three}})),
      sparse(99, decode(2, 100, {{"q_len", three}, {"causal", false}})),
      sparse(33, decode(5, 100, odd)),
      // More heads than a panel has lanes, of both.
      sparse(70, decode(70, 300, {{"index_heads", whole(40)}})),
      sparse(64, decode(8, 150,
                        {{"kv_lora_rank", whole(512)},
                         {"rope_head_dim", whole(64)},
                         {"index_heads", whole(64)},
                         {"index_head_dim", whole(128)}})),
  };
}

class NativeAttention : public testing::TestWithParam<Types> {
 protected:
  static void expect_right(const FieldMap& fields) {
    const Attention a = attention_of(with(fields, GetParam()));
    const auto inputs = attention_family().inputs(a, 3, 1);
    const auto oracle = attention_family().oracle(a, *inputs);
    for (const simd::Isa isa : usable_isas())
      for (const int threads : {1, 3}) {
        const Outputs got = outputs_of(native_attention(isa), a, *inputs, threads);
        EXPECT_THAT(got.checked_by(*oracle).mismatch, Eq(std::nullopt))
            << a.name() << " " << simd::name(isa) << ", " << threads << " threads";
      }
  }
};

TEST_P(NativeAttention, IsRightWithEveryInstructionSet) {
  for (const FieldMap& fields : softmax_workloads()) expect_right(fields);
}

TEST_P(NativeAttention, OfLatentsIsRightWithEveryInstructionSet) {
  for (const FieldMap& fields : mla_workloads()) expect_right(fields);
}

TEST_P(NativeAttention, OfChosenKeysIsRightWithEveryInstructionSet) {
  for (const FieldMap& fields : sparse_workloads()) expect_right(fields);
}

INSTANTIATE_TEST_SUITE_P(Every, NativeAttention, testing::ValuesIn(all_types),
                         [](const auto& param) { return label(param.param); });

TEST(NativeAttentionDetail, NamesTheInstructionsThatItUses) {
  for (const simd::Isa isa : usable_isas())
    for (const auto& [structure, phase] : {std::pair{"softmax", "prefill"},
                                           {"softmax", "decode"},
                                           {"mla", "prefill"},
                                           {"mla", "decode"},
                                           {"sparse", "decode"}}) {
      const Attention a =
          attention_of(attention_fields(structure, phase, {{"q_heads", 1}, {"kv_len", 9}}));
      const auto inputs = attention_family().inputs(a, 3, 1);
      const auto plan = native_attention(isa).prepare(a, *inputs, {&processor(), 1, 1});
      const string product(simd::best_tile_set(simd::Product::bf16, isa, cpu_info()).instruction);
      EXPECT_THAT(plan->detail(), testing::HasSubstr(product)) << structure << " " << phase;
    }
}

}  // namespace
}  // namespace ergon
