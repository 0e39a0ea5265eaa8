// Every attention implementation that this machine can run, over awkward workloads.
#include "kernels/attention/attention.h"

#include "tests/contract/implementations.h"

namespace ergon {
namespace {

using std::string;

std::int64_t whole(std::int64_t value) { return value; }

FieldMap prefill(std::int64_t q_heads, std::int64_t length, FieldMap more = {}) {
  more.insert({{"phase", string("prefill")}, {"q_heads", q_heads}, {"kv_len", length}});
  return more;
}
FieldMap decode(std::int64_t q_heads, std::int64_t length, FieldMap more = {}) {
  more.insert({{"phase", string("decode")}, {"q_heads", q_heads}, {"kv_len", length}});
  return more;
}

// Without dtype and kv_dtype.
std::vector<FieldMap> softmax_workloads() {
  const FieldValue one = whole(1), two = whole(2), three = whole(3), spread = string("spread");
  return {
      prefill(1, 1),
      prefill(1, 1, {{"head_dim", one}}),
      prefill(2, 70, {{"head_dim", whole(64)}}),
      prefill(2, 70, {{"head_dim", whole(80)}, {"causal", false}}),
      prefill(4, 129, {{"head_dim", whole(128)}, {"kv_heads", two}}),
      prefill(1, 300, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}}),
      prefill(1, 40, {{"head_dim", whole(192)}, {"v_head_dim", whole(128)}}),
      prefill(2, 50, {{"head_dim", whole(256)}, {"kv_heads", one}}),
      prefill(2, 300, {{"head_dim", whole(96)}, {"q_len", whole(37)}, {"causal", false}}),
      prefill(2, 300, {{"head_dim", whole(64)}, {"q_len", whole(37)}}),
      prefill(1, 20, {{"head_dim", whole(64)}, {"q_len", whole(50)}}),
      prefill(2, 400, {{"head_dim", whole(64)}, {"window", whole(100)}}),
      prefill(2, 150, {{"head_dim", whole(64)}, {"window", one}}),
      prefill(2, 100, {{"head_dim", whole(64)}, {"sinks", true}, {"window", whole(16)}}),
      prefill(2, 100, {{"head_dim", whole(64)}, {"soft_cap", 2.0}}),
      prefill(2, 90, {{"head_dim", whole(64)}, {"batch", three}, {"lengths", spread}}),
      prefill(2, 90,
              {{"head_dim", whole(64)},
               {"batch", three},
               {"lengths", spread},
               {"causal", false},
               {"page", whole(16)}}),
      prefill(1, 200, {{"head_dim", whole(64)}, {"scale", 1000.0}}),
      decode(1, 1, {{"head_dim", whole(64)}}),
      decode(4, 63),
      decode(4, 64, {{"kv_heads", one}}),
      decode(8, 200, {{"kv_heads", one}, {"head_dim", whole(64)}}),
      decode(6, 200, {{"kv_heads", two}, {"head_dim", whole(80)}}),
      decode(40, 130, {{"kv_heads", one}, {"head_dim", whole(96)}}),
      decode(32, 65, {{"kv_heads", two}, {"head_dim", whole(256)}}),
      decode(2, 300, {{"head_dim", whole(192)}, {"v_head_dim", whole(128)}}),
      decode(4, 500, {{"kv_heads", two}, {"window", whole(100)}}),
      decode(4, 500, {{"kv_heads", two}, {"window", whole(100)}, {"sinks", true}}),
      decode(4, 100, {{"kv_heads", two}, {"soft_cap", 2.0}}),
      decode(4, 100, {{"q_len", whole(4)}, {"kv_heads", two}}),
      decode(4, 2, {{"q_len", whole(4)}, {"kv_heads", two}}),
      decode(4, 100, {{"q_len", three}, {"causal", false}, {"kv_heads", one}}),
      decode(4, 400, {{"batch", three}, {"lengths", spread}, {"kv_heads", two}}),
      decode(4, 400,
             {{"batch", three}, {"lengths", spread}, {"kv_heads", two}, {"page", whole(64)}}),
      decode(4, 100, {{"page", whole(7)}, {"kv_heads", two}}),
      decode(2, 100, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}}),
      decode(2, 200, {{"head_dim", whole(64)}, {"scale", 1000.0}}),
  };
}

Problems problems(const string& /*structure*/) {
  Problems list;
  for (const FieldMap& fields : softmax_workloads())
    for (const char* dtype : {"bf16", "f32"})
      for (const char* kv_dtype : {"same", "bf16", "f16", "s8"}) {
        if (string(kv_dtype) == dtype) continue;
        FieldMap all = fields;
        all.insert({{"dtype", string(dtype)}, {"kv_dtype", string(kv_dtype)}});
        list.emplace_back(attention_family(), attention_family().make(all));
      }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Attention, ImplementationContract,
                         testing::ValuesIn(cases(attention_family(), "structure", problems)),
                         label);

}  // namespace
}  // namespace ergon
