// Our own softmax and latent attention of any shape and types, with every instruction set that this
// processor has, against the same in float64.
//
// A result may differ by what roundings may do: the tolerance follows from the terms of each row.
// That of the oracle is calibrated for values that are drawn; a search would find others.
#include <algorithm>
#include <cstring>

#include "kernels/attention/kv.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/fill.h"
#include "kernels/registry.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/natives.h"

namespace ergon {
Implementations make_attention_native(const RegistryOptions& options);

namespace {

using fuzz::Choices;
using fuzz::cpu;
using fuzz::expect;
using fuzz::Native;
using fuzz::natives_of;
using Integer = std::int64_t;
using Row = std::vector<double>;

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

/// Values of a row are alike in size: at most 8 times a power of two, of an exponent up to `most`.
void draw_row(Choices& choices, DType dtype, std::byte* to, Integer width, int most = 1) {
  const int exponent = most - choices.below(8);
  for (Integer i = 0; i < width; ++i) store(dtype, to, i, double{choices.float_of(exponent)});
}

void draw_tokens(Choices& choices, const Attention& a, Inputs& inputs, const std::string& operand,
                 Integer heads, Integer width) {
  const KvRows rows(a, inputs, 0, operand, heads, width);
  std::byte* data = inputs.data(operand, 0);
  const TensorDesc& desc = inputs.desc(operand);
  std::memset(data, rows.scaled() ? 0x80 : 0xff, desc.span_bytes());
  auto* scales =
      rows.scaled() ? reinterpret_cast<float*>(inputs.data(operand + "_scale", 0)) : nullptr;
  if (scales != nullptr) std::memset(scales, 0xff, inputs.desc(operand + "_scale").span_bytes());
  for (Integer b = 0; b < a.batch; ++b)
    for (Integer t = 0; t < a.length(b); ++t)
      for (Integer h = 0; h < heads; ++h) {
        std::byte* row = data + (rows.row(b, t, h) - data);
        if (scales == nullptr) {
          draw_row(choices, rows.dtype(), row, width);
          continue;
        }
        for (Integer i = 0; i < width; ++i)
          row[i] = std::byte(static_cast<unsigned char>(choices.below(255) - 127));
        scales[(row - data) / width] =
            static_cast<float>(std::ldexp(1 + choices.byte(), choices.below(6) - 15));
      }
}

void draw_table(Choices& choices, const Attention& a, Inputs& inputs) {
  // Page 0 and the last hold no key.
  std::vector<std::int32_t> pages;
  for (std::int32_t i = 1; i + 1 < pages_of_all(a); ++i) pages.push_back(i);
  for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[choices.word() % i]);
  auto* table = reinterpret_cast<std::int32_t*>(inputs.data("block_table", 0));
  std::size_t next = 0;
  for (Integer b = 0; b < a.batch; ++b)
    for (Integer p = 0; p < pages_of_a_sequence(a); ++p)
      *table++ = p * a.page < a.length(b) ? pages[next++] : 0;
}

void draw(Choices& choices, const Attention& a, Inputs& inputs) {
  if (a.paged()) draw_table(choices, a, inputs);
  for (Integer r = 0; r < a.batch * a.q_len * a.q_heads; ++r)
    draw_row(choices, a.dtype,
             inputs.data("q", 0) + r * a.head_dim * static_cast<Integer>(size_of(a.dtype)),
             a.head_dim);
  if (a.sinks)
    for (Integer h = 0; h < a.q_heads; ++h)
      store(DType::f32, inputs.data("sink", 0), h, double{choices.float_of(1)});
  if (a.structure == Structure::softmax) {
    draw_tokens(choices, a, inputs, "k", a.kv_heads, a.head_dim);
    draw_tokens(choices, a, inputs, "v", a.kv_heads, a.v_head_dim);
    return;
  }
  draw_tokens(choices, a, inputs, "latent", 1, a.latent_dim());
  for (const char* weights : {"w_uk", "w_uv"})
    draw_row(choices, a.dtype, inputs.data(weights, 0), inputs.desc(weights).elements(), -3);
}

double rounding(DType dtype) { return info(dtype).epsilon / 2; }

/// Keys and values of a head, and what may be missing from each.
struct Head {
  std::vector<Row> k, v;
  /// |W_uk| |c| and |W_uv| |c|, of mla; else |k| and |v|.
  std::vector<Row> k_size, v_size;
  /// Relative to these sizes.
  double k_off = 0, v_off = 0;
};

Row widened(const KvRows& rows, Integer sequence, Integer token, Integer head) {
  Row row(static_cast<std::size_t>(rows.width()));
  rows.widened(sequence, token, head, row.data());
  return row;
}
Row sizes(Row row) {
  for (double& each : row) each = std::fabs(each);
  return row;
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

  Expected(const Attention& a, const Inputs& inputs) : a_(a), inputs_(inputs) {
    o.resize(static_cast<std::size_t>(a.batch * a.q_len * a.q_heads * a.v_head_dim));
    tolerance.resize(o.size());
    const bool mla = a.structure == Structure::mla;
    for (Integer b = 0; b < a.batch; ++b)
      for (Integer h = 0; h < a.kv_heads; ++h) {
        const Head head = mla ? latent_head(a, inputs, b, h) : softmax_head(a, inputs, b, h);
        for (Integer i = 0; i < a.q_len; ++i)
          for (Integer q = h * a.group(); q < (h + 1) * a.group(); ++q) put(head, b, i, q);
      }
  }

 private:
  struct Logit {
    double x, off;
  };
  Logit logit(const Row& q, const Row& k, const Row& k_size, double k_off) const {
    double x = 0, size = 0;
    for (std::size_t d = 0; d < q.size(); ++d) {
      x += q[d] * k[d];
      size += std::fabs(q[d]) * k_size[d];
    }
    x *= a_.scale;
    // Sums, scales, and the exponent that is left when the largest is taken away.
    double off = a_.scale * size * (k_off + static_cast<double>(a_.head_dim + 16) * 0x1p-24);
    if (a_.soft_cap > 0) {
      x = a_.soft_cap * std::tanh(x / a_.soft_cap);
      off += std::fabs(x) * 0x1p-20;
    }
    return {x, off};
  }

  void put(const Head& head, Integer b, Integer query, Integer q_head) {
    const Integer row = (b * a_.q_len + query) * a_.q_heads + q_head;
    const KeyRange seen = a_.keys(b, query);
    if (seen.size() == 0) return;  // zeros, exactly
    Row q(static_cast<std::size_t>(a_.head_dim));
    widen(a_.dtype, inputs_.data("q", 0), row * a_.head_dim, 1, a_.head_dim, q.data());
    std::vector<Logit> logits;
    double most = -1e300, off = 0;
    for (Integer j = seen.first; j < seen.end; ++j) {
      const auto key = static_cast<std::size_t>(j);
      logits.push_back(logit(q, head.k[key], head.k_size[key], head.k_off));
      most = std::max(most, logits.back().x);
    }
    double sum = 0;
    if (a_.sinks) {
      const double sink = inputs_.as<float>("sink", 0)[q_head];
      most = std::max(most, sink);
      sum = std::exp(sink - most);
      off = std::fabs(sink) * 0x1p-22;
    }
    for (const Logit& one : logits) {
      sum += std::exp(one.x - most);
      off = std::max(off, one.off + (std::fabs(one.x) + std::fabs(most)) * 0x1p-22);
    }
    // Weights all up to e^off off; then polynomials, roundings and sums of them.
    const bool bf16 = a_.product_dtype() == DType::bf16;
    const double weights = std::expm1(2 * off) + (bf16 ? 0x1p-8 + 2e-4 : 1e-6) +
                           static_cast<double>(logits.size() + 32) * 0x1p-24;
    Row shares;
    for (const Logit& one : logits) shares.push_back(std::exp(one.x - most) / sum);
    for (Integer d = 0; d < a_.v_head_dim; ++d) {
      const auto column = static_cast<std::size_t>(d);
      const auto at = static_cast<std::size_t>(row * a_.v_head_dim + d);
      double value = 0, size = 0, largest = 0;
      for (std::size_t i = 0; i < shares.size(); ++i) {
        const std::size_t key = static_cast<std::size_t>(seen.first) + i;
        value += shares[i] * head.v[key][column];
        size += shares[i] * head.v_size[key][column];
        largest = std::max(largest, head.v_size[key][column]);
      }
      o[at] = value;
      // A weight's error may fall on the largest value, and no output is beyond it.
      tolerance[at] = std::min(weights * (size + std::fabs(value)), 2 * largest) +
                      head.v_off * largest + rounding(a_.dtype) * std::fabs(value) * 1.01 +
                      largest * 0x1p-100 + 0x1p-120;
    }
  }

  const Attention& a_;
  const Inputs& inputs_;
};

void check(const Attention& a, const Inputs& inputs, const Expected& expected, const Native& native,
           int threads) {
  const auto plan = native.one.at(0)->prepare(a, inputs, {&cpu(), threads, 1});
  const auto stream = cpu().make_stream();
  const DeviceTensor o = plan->outputs(0).at(0);
  std::byte* bytes = o.buffer->host();
  const std::byte poison = poison_byte(o.desc.dtype);
  std::fill_n(bytes, o.buffer->bytes(), poison);
  for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
    plan->enqueue(stage, *stream, 0);
  stream->finish();
  const auto where = [&] {
    return a.name() + " with " + std::string(simd::name(native.isa)) + ", " +
           std::to_string(threads) + " threads: ";
  };
  for (std::size_t i = 0; i < expected.o.size(); ++i) {
    const double got = load(a.dtype, bytes, static_cast<Integer>(i)), wanted = expected.o[i];
    expect(std::fabs(got - wanted) <= expected.tolerance[i], [&] {
      return where() + "o[" + std::to_string(i) + "] is " + std::to_string(got) + ", not " +
             std::to_string(wanted) + " within " + std::to_string(expected.tolerance[i]);
    });
  }
  expect(std::all_of(bytes + o.desc.span_bytes(), bytes + o.buffer->bytes(),
                     [&](std::byte byte) { return byte == poison; }),
         [&] { return where() + "writes behind O"; });
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
