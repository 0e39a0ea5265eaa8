// What the oracles of attention allocate, while they are made and while they check: as much as the
// family says at most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/attention/allocations.h"
#include "tests/unit/attention/outputs_of.h"

namespace ergon {
namespace {

using std::string;
using Integers = std::vector<std::pair<const char*, std::int64_t>>;

FieldMap fields(const char* structure, const char* phase, const Integers& integers) {
  FieldMap all = attention_fields(structure, phase, integers);
  if (string(structure) == "mla")
    all.insert({{"head_dim", std::int64_t{192}}, {"kv_lora_rank", std::int64_t{64}}});
  return all;
}

void expect_all_is_said(const FieldMap& some) {
  for (const char* dtype : {"bf16", "f32"}) {
    FieldMap all = some;
    all.insert({"dtype", string(dtype)});
    const Attention a = attention_of(all);
    const auto inputs = attention_family().inputs(a, 3, 1);
    const Outputs outputs = outputs_of("naive", a, *inputs);
    const std::size_t said = attention_family().oracle_bytes(a);
    on_team(usable_processors(), [](int, int) {});
    const Allocations before = allocations();
    begin_of_most();
    EXPECT_EQ(outputs.checked_by(*attention_family().oracle(a, *inputs)).mismatch, std::nullopt);
    const std::size_t most = allocations().most - before.bytes;
    EXPECT_LE(most, said + 4096) << a.name() << " " << dtype;
    // Nor is several times as much said, though not every thread has rows.
    const auto threads = static_cast<std::size_t>(usable_processors());
    EXPECT_GE(4 * most + 65536 + 16384 * threads, said) << a.name() << " " << dtype;
  }
}

TEST(OracleMemory, OfSoftmaxIsAllThatIsAllocated) {
  expect_all_is_said(fields("softmax", "decode", {{"q_heads", 8}, {"kv_len", 20000}}));
  expect_all_is_said(
      fields("softmax", "decode", {{"q_heads", 4}, {"kv_len", 20000}, {"window", 128}}));
  expect_all_is_said(fields("softmax", "decode", {{"q_heads", 1}, {"kv_len", 1}}));
  expect_all_is_said(
      fields("softmax", "prefill",
             {{"q_heads", 4}, {"kv_heads", 2}, {"kv_len", 300}, {"batch", 3}, {"v_head_dim", 33}}));
}

TEST(OracleMemory, OfLatentsIsAllThatIsAllocated) {
  expect_all_is_said(fields("mla", "decode", {{"q_heads", 4}, {"kv_len", 5000}}));
  expect_all_is_said(fields("mla", "prefill", {{"q_heads", 2}, {"kv_len", 400}, {"batch", 2}}));
  expect_all_is_said(fields("mla", "prefill", {{"q_heads", 2}, {"kv_len", 3000}, {"q_len", 4}}));
}

TEST(OracleMemory, OfChosenKeysIsAllThatIsAllocated) {
  const auto sparse = [](const Integers& integers) {
    FieldMap all = fields("sparse", "decode", integers);
    all.insert({{"index_heads", std::int64_t{8}}, {"q_heads", std::int64_t{4}}});
    return all;
  };
  expect_all_is_said(sparse({{"kv_len", 6000}}));
  expect_all_is_said(sparse({{"kv_len", 500}, {"batch", 3}, {"q_len", 2}, {"top_k", 50}}));
}

TEST(OracleMemory, OfStatesIsAllThatIsAllocated) {
  expect_all_is_said(fields("linear", "prefill", {{"q_heads", 2}, {"kv_len", 300}}));
  expect_all_is_said(
      fields("linear", "prefill",
             {{"q_heads", 1}, {"kv_len", 300}, {"head_dim", 512}, {"v_head_dim", 8}}));
  expect_all_is_said(fields("linear", "decode", {{"q_heads", 8}, {"kv_len", 300}, {"batch", 2}}));
}

}  // namespace
}  // namespace ergon
