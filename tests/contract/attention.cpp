// Every attention implementation that this machine can run, over awkward workloads.
#include "kernels/attention/attention.h"

#include <iterator>

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
      prefill(4, 60, {{"head_dim", whole(64)}, {"batch", two}, {"kv_heads", two}}),
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
      decode(4, 100, {{"page", whole(7)}, {"kv_heads", two}, {"window", whole(20)}}),
      decode(12, 70, {{"batch", three}, {"kv_heads", two}, {"q_len", two}}),
      decode(2, 100, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}}),
      decode(2, 200, {{"head_dim", whole(64)}, {"scale", 1000.0}}),
  };
}

FieldMap mla(FieldMap all, FieldMap more = {}) {
  all.merge(std::move(more));
  all.insert({{"structure", string("mla")},
              {"head_dim", whole(48)},
              {"v_head_dim", whole(32)},
              {"kv_lora_rank", whole(64)},
              {"rope_head_dim", whole(16)}});
  return all;
}
std::vector<FieldMap> mla_workloads() {
  const FieldValue three = whole(3), spread = string("spread");
  const FieldMap ragged = {{"batch", three}, {"lengths", spread}};
  const FieldMap paged = {{"batch", three}, {"lengths", spread}, {"page", whole(16)}};
  const FieldMap odd = {{"head_dim", whole(21)},
                        {"v_head_dim", whole(11)},
                        {"kv_lora_rank", whole(35)},
                        {"rope_head_dim", whole(6)}};
  const FieldMap deepseek = {{"head_dim", whole(192)},
                             {"v_head_dim", whole(128)},
                             {"kv_lora_rank", whole(512)},
                             {"rope_head_dim", whole(64)}};
  return {
      mla(prefill(1, 1)),
      mla(prefill(4, 70)),
      mla(prefill(3, 130, {{"causal", false}})),
      mla(prefill(2, 150, {{"q_len", whole(37)}})),
      mla(prefill(2, 20, {{"q_len", whole(50)}})),
      mla(prefill(2, 150, {{"window", whole(40)}})),
      mla(prefill(2, 60, {{"sinks", true}, {"soft_cap", 2.0}})),
      mla(prefill(2, 90), ragged),
      mla(prefill(2, 90, {{"causal", false}}), paged),
      mla(prefill(2, 70), odd),
      mla(prefill(1, 40), deepseek),
      mla(decode(1, 1)),
      mla(decode(16, 200)),
      mla(decode(70, 129)),
      mla(decode(4, 100, {{"q_len", three}})),
      mla(decode(4, 2, {{"q_len", three}})),
      mla(decode(4, 100, {{"q_len", three}, {"causal", false}})),
      mla(decode(4, 300, {{"window", whole(50)}, {"sinks", true}, {"soft_cap", 2.0}})),
      mla(decode(8, 200), ragged),
      mla(decode(8, 200), paged),
      mla(decode(5, 100), odd),
      mla(decode(8, 150), deepseek),
      mla(decode(4, 200, {{"scale", 1000.0}})),
  };
}

FieldMap sparse(FieldMap all, std::int64_t top_k, FieldMap more = {}) {
  all.merge(std::move(more));
  all.insert({{"structure", string("sparse")},
              {"kv_lora_rank", whole(64)},
              {"rope_head_dim", whole(16)},
              {"index_heads", whole(4)},
              {"index_head_dim", whole(32)},
              {"top_k", top_k}});
  return all;
}
std::vector<FieldMap> sparse_workloads() {
  const FieldValue three = whole(3), spread = string("spread");
  const FieldMap ragged = {{"batch", three}, {"lengths", spread}};
  const FieldMap paged = {{"batch", three}, {"lengths", spread}, {"page", whole(16)}};
  const FieldMap odd = {{"kv_lora_rank", whole(35)},
                        {"rope_head_dim", whole(6)},
                        {"index_heads", whole(3)},
                        {"index_head_dim", whole(17)}};
  const FieldMap deepseek = {{"kv_lora_rank", whole(512)},
                             {"rope_head_dim", whole(64)},
                             {"index_heads", whole(64)},
                             {"index_head_dim", whole(128)}};
  return {
      sparse(decode(1, 1), 1),
      sparse(decode(4, 100), 5),
      sparse(decode(4, 100), 1),
      sparse(decode(4, 50), 50),
      sparse(decode(4, 50), 64),
      sparse(decode(40, 300), 70),
      sparse(decode(4, 100, {{"q_len", three}}), 5),
      sparse(decode(4, 5, {{"q_len", three}}), 4),
      sparse(decode(4, 2, {{"q_len", three}}), 4),
      sparse(decode(4, 100, {{"q_len", three}, {"causal", false}}), 99),
      sparse(decode(8, 200), 30, ragged),
      sparse(decode(8, 200), 120, paged),
      sparse(decode(5, 100), 33, odd),
      sparse(decode(8, 150), 64, deepseek),
  };
}

std::vector<FieldMap> workloads(const string& structure) {
  if (structure == "mla") return mla_workloads();
  if (structure == "sparse") return sparse_workloads();
  return softmax_workloads();
}

// Without dtype.
std::vector<FieldMap> linear_workloads() {
  const FieldValue one = whole(1), three = whole(3);
  std::vector<FieldMap> list = {
      prefill(1, 1),
      prefill(1, 1, {{"head_dim", one}}),
      prefill(2, 70, {{"head_dim", whole(64)}}),
      prefill(4, 129),
      prefill(2, 64, {{"head_dim", whole(80)}, {"v_head_dim", whole(96)}}),
      prefill(1, 300, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}}),
      prefill(12, 20, {{"head_dim", whole(16)}}),
      prefill(2, 300, {{"head_dim", whole(96)}, {"q_len", whole(37)}}),
      prefill(3, 100, {{"head_dim", whole(64)}, {"q_len", whole(99)}, {"batch", three}}),
      prefill(1, 300, {{"q_len", one}}),
      prefill(2, 300, {{"q_len", three}}),
      prefill(1, 300, {{"q_len", whole(16)}}),
      prefill(2, 90, {{"head_dim", whole(64)}, {"v_head_dim", one}, {"batch", three}}),
      decode(1, 1, {{"head_dim", whole(64)}}),
      decode(1, 9, {{"head_dim", one}}),
      decode(4, 4096),
      decode(6, 500, {{"batch", three}, {"head_dim", whole(64)}, {"v_head_dim", whole(160)}}),
      decode(2, 100, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}, {"q_len", three}}),
      decode(2, 100, {{"q_len", whole(9)}}),
  };
  for (const std::int64_t tokens : {2, 3, 4})
    list.push_back(decode(3, 100, {{"q_len", tokens}, {"v_head_dim", whole(100)}}));
  for (FieldMap& fields : list) fields.insert({"structure", string("linear")});
  return list;
}

Problems linear_problems() {
  Problems list;
  for (const FieldMap& fields : linear_workloads())
    for (const char* dtype : {"bf16", "f32"}) {
      FieldMap all = fields;
      all.insert({"dtype", string(dtype)});
      list.emplace_back(attention_family(), attention_family().make(all));
    }
  return list;
}

struct Types {
  const char *dtype, *kv_dtype;
};

// Both types with a cache of their own with every workload, and the mixed ones by turns: all of
// them with all would take minutes where an emulator or a sanitizer runs them.
Problems problems(const string& structure) {
  if (structure == "linear") return linear_problems();
  constexpr Types mixed[] = {
      {"bf16", "s8"}, {"f32", "bf16"}, {"bf16", "f16"}, {"f32", "s8"}, {"f32", "f16"}};
  Problems list;
  std::size_t turn = 0;
  for (const FieldMap& fields : workloads(structure))
    for (const Types& types :
         {Types{"bf16", "same"}, Types{"f32", "same"}, mixed[turn++ % std::size(mixed)]}) {
      FieldMap all = fields;
      all.insert({{"dtype", string(types.dtype)}, {"kv_dtype", string(types.kv_dtype)}});
      list.emplace_back(attention_family(), attention_family().make(all));
    }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Attention, ImplementationContract,
                         testing::ValuesIn(cases(attention_family(), "structure", problems)),
                         label);

}  // namespace
}  // namespace ergon
