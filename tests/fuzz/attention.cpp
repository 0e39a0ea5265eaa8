// Our own softmax and latent attention of any shape and types, with every instruction set that this
// processor has, against the same in float64.
//
// A result may differ by what roundings may do: the tolerance follows from the terms of each row.
// That of the oracle is calibrated for values that are drawn; a search would find others.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/devices/memory.h"
#include "tests/fuzz/attention_draw.h"
#include "tests/fuzz/attention_row.h"

namespace ergon {
Implementations make_attention_native(const RegistryOptions& options);

namespace {

using namespace fuzz;

const std::vector<Native>& natives() {
  static const std::vector<Native> list = natives_of(make_attention_native);
  return list;
}

std::unique_ptr<Workload> drawn_workload(Choices& choices) {
  const bool mla = choices.below(3) == 0, decode = choices.below(2) == 1;
  const bool f32 = choices.below(2) == 1, causal = choices.below(4) > 0;
  const Integer group = mla ? 1 : 1 + choices.below(choices.below(4) == 0 && decode ? 40 : 6);
  const Integer heads = 1 + choices.below(3);
  // Around the ends of blocks now and then.
  const Integer kv_len =
      choices.below(4) > 0 ? 1 + choices.below(150)
                           : choices.of(std::vector<Integer>{128, 256, 512}) + choices.below(9) - 4;
  const Integer q_len = decode ? 1 + choices.below(3) : 1 + choices.below(group > 2 ? 25 : 80);
  FieldMap fields = {
      {"structure", std::string(mla ? "mla" : "softmax")},
      {"phase", std::string(decode ? "decode" : "prefill")},
      {"q_heads", heads * group},
      {"q_len", q_len},
      {"kv_len", kv_len},
      {"head_dim", Integer{1 + choices.below(70)}},
      {"v_head_dim", Integer{1 + choices.below(70)}},
      {"batch", Integer{1 + choices.below(decode ? 3 : 2)}},
      {"lengths", std::string(choices.below(2) == 0 ? "equal" : "spread")},
      {"causal", causal},
      {"window", causal && choices.below(3) == 0 ? Integer{1 + choices.below(160)} : 0},
      {"sinks", choices.below(3) == 0},
      {"soft_cap", choices.below(3) == 0 ? 1.0 + choices.below(60) : 0.0},
      {"scale", std::ldexp(1 + choices.below(100), -8)},
      {"page", choices.below(2) == 0 ? Integer{1 + choices.below(70)} : 0},
      {"dtype", std::string(f32 ? "f32" : "bf16")},
      {"kv_dtype", choices.of(std::vector<std::string>{"same", "f16", "s8", "bf16"})}};
  if (!mla) {
    fields.insert({"kv_heads", heads});
  } else {
    const Integer rope = 1 + choices.below(19);
    fields["head_dim"] = rope + 1 + choices.below(50);
    fields.insert({{"rope_head_dim", rope}, {"kv_lora_rank", Integer{1 + choices.below(60)}}});
  }
  return attention_family().make(fields);
}

void draw(Choices& choices, const Attention& a, Inputs& inputs) {
  if (a.paged()) draw_table(choices, a, inputs);
  draw_queries(choices, a, inputs);
  if (a.structure == Structure::softmax) {
    draw_tokens(choices, a, inputs, "k", a.kv_heads, a.head_dim);
    draw_tokens(choices, a, inputs, "v", a.kv_heads, a.v_head_dim);
    return;
  }
  draw_tokens(choices, a, inputs, "latent", 1, a.latent_dim());
  for (const char* weights : {"w_uk", "w_uv"})
    draw_row(choices, a.dtype, inputs.data(weights, 0), inputs.desc(weights).elements(), -3);
}

Head softmax_head(const Attention& a, const Inputs& inputs, Integer b, Integer head) {
  const KvRows k(a, inputs, 0, false), v(a, inputs, 0, true);
  Head all;
  for (Integer t = 0; t < a.length(b); ++t) {
    all.k.push_back(widened(k, b, t, head));
    all.v.push_back(widened(v, b, t, head));
    all.k_size.push_back(sizes(all.k.back()));
    all.v_size.push_back(sizes(all.v.back()));
  }
  return all;
}

/// Weights of a head, widened: lines of kv_lora_rank.
Row weights_of(const Attention& a, const Inputs& inputs, const char* name, Integer head,
               Integer lines) {
  Row w(static_cast<std::size_t>(lines * a.kv_lora_rank));
  widen(a.dtype, inputs.data(name, 0), head * lines * a.kv_lora_rank, 1, lines * a.kv_lora_rank,
        w.data());
  return w;
}

/// Lines times c, which may be longer; and the same of their sizes.
void multiply(const Row& lines, std::size_t rank, const Row& c, Row& to, Row& size) {
  for (std::size_t first = 0; first < lines.size(); first += rank) {
    double sum = 0, magnitude = 0;
    for (std::size_t r = 0; r < rank; ++r) {
      sum += lines[first + r] * c[r];
      magnitude += std::fabs(lines[first + r] * c[r]);
    }
    to.push_back(sum);
    size.push_back(magnitude);
  }
}

Head latent_head(const Attention& a, const Inputs& inputs, Integer b, Integer head) {
  const KvRows latents(a, inputs, 0, "latent", 1, a.latent_dim());
  const Row w_uk = weights_of(a, inputs, "w_uk", head, a.nope_head_dim());
  const Row w_uv = weights_of(a, inputs, "w_uv", head, a.v_head_dim);
  const auto rank = static_cast<std::size_t>(a.kv_lora_rank);
  Head all;
  for (Integer t = 0; t < a.length(b); ++t) {
    const Row c = widened(latents, b, t, 0);
    Row k, v, k_size, v_size;
    multiply(w_uk, rank, c, k, k_size);
    multiply(w_uv, rank, c, v, v_size);
    for (std::size_t i = rank; i < c.size(); ++i) {
      k.push_back(c[i]);
      k_size.push_back(std::fabs(k.back()));
    }
    all.k.push_back(k);
    all.v.push_back(v);
    all.k_size.push_back(k_size);
    all.v_size.push_back(v_size);
  }
  // Either way rounds one product of three to what is multiplied, after sums in f32.
  const double terms = static_cast<double>(a.kv_lora_rank + a.head_dim + 8);
  all.k_off = all.v_off = rounding(a.product_dtype()) + terms * 0x1p-24;
  return all;
}

struct Expected {
  Row o, tolerance;  // [batch, q_len, q_heads, v_head_dim]

  Expected(const Attention& a, const Inputs& inputs) {
    o.resize(static_cast<std::size_t>(a.batch * a.q_len * a.q_heads * a.v_head_dim));
    tolerance.resize(o.size());
    const bool mla = a.structure == Structure::mla;
    for (Integer b = 0; b < a.batch; ++b)
      for (Integer h = 0; h < a.kv_heads; ++h) {
        const Head head = mla ? latent_head(a, inputs, b, h) : softmax_head(a, inputs, b, h);
        for (Integer i = 0; i < a.q_len; ++i) {
          const KeyRange seen = a.keys(b, i);
          std::vector<Integer> keys(static_cast<std::size_t>(seen.size()));
          std::iota(keys.begin(), keys.end(), seen.first);
          for (Integer q = h * a.group(); q < (h + 1) * a.group(); ++q) {
            const Integer row = (b * a.q_len + i) * a.q_heads + q;
            put(attended(a, inputs, row, head, keys), row * a.v_head_dim);
          }
        }
      }
  }

 private:
  void put(const Attended& row, Integer first) {
    std::copy(row.o.begin(), row.o.end(), o.begin() + first);
    std::copy(row.tolerance.begin(), row.tolerance.end(), tolerance.begin() + first);
  }
};

void check(const Attention& a, const Inputs& inputs, const Expected& expected, const Native& native,
           int threads) {
  const Called called(a, inputs, native, threads);
  for (std::size_t i = 0; i < expected.o.size(); ++i)
    called.expect_o(static_cast<Integer>(i), expected.o[i], expected.tolerance[i]);
}

}  // namespace
}  // namespace ergon

// Clang's OpenMP does not give its teams' memory back.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp.so"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  // Huge pages would take longer to map than these products to compute.
  set_page_policy(PagePolicy::small);
  Choices choices(data, size);
  const auto workload = drawn_workload(choices);
  const auto& a = dynamic_cast<const Attention&>(*workload);
  const int threads = choices.below(4) == 0 ? 2 + choices.below(6) : 1;
  Inputs inputs(attention_family().operands(a), 1);
  draw(choices, a, inputs);
  const Expected expected(a, inputs);
  for (const Native& native : natives()) check(a, inputs, expected, native, threads);
  return 0;
}
