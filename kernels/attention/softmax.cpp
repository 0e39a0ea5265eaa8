// softmax(scale Q K^T + mask) V.
//
// Operands: "q" [batch, q_len, q_heads, head_dim]; keys, values and their scales as kv.h says;
// "sink" f32 [q_heads], where there are sinks. Output: "o" [batch, q_len, q_heads, v_head_dim].
//
// A logit is x = scale q k, or soft_cap tanh(x / soft_cap). A sink is one more logit of its head,
// whose value is zero. Head h of queries meets head h / group of keys.
//
// flops: 2 (head_dim + v_head_dim) for each query and key that it sees, of each head of queries;
// none for the softmax. bytes: q, o and sinks once; of keys, values and scales those that some
// query sees, once; the block table.
// Values: normal(0, 1), rounded; s8 as qmatmul quantizes activations; the key at a query's own
// position heavier (draw.h); sinks normal(ln of the keys of a query, 1).
#include <cmath>
#include <span>
#include <vector>

#include "kernels/attention/draw.h"
#include "kernels/attention/kv.h"
#include "kernels/attention/softmax_oracle.h"
#include "kernels/attention/structure.h"

namespace ergon {
namespace {

double bytes_of_a_key(const Attention& a) {
  return static_cast<double>(a.kv_heads) *
         (bytes_of_a_row(a, a.head_dim) + bytes_of_a_row(a, a.v_head_dim));
}

double flops_of_a_pair(const Attention& a) {
  return 2 * static_cast<double>(a.q_heads) * static_cast<double>(a.head_dim + a.v_head_dim);
}

/// To one of the heads of its group.
void weigh_own(const Attention& a, const Inputs& inputs, std::int64_t sequence, std::int64_t token,
               std::int64_t head, std::span<float> key) {
  const std::int64_t query = query_at(a, sequence, token);
  if (query < 0) return;
  std::vector<double> q(key.size());
  const std::int64_t place =
      (sequence * a.q_len + query) * a.q_heads + head * a.group() + query % a.group();
  widen(a.dtype, inputs.data("q", 0), place * a.head_dim, 1, a.head_dim, q.data());
  weigh_key(a, a.keys(sequence, query).size(), q, key);
}

class Softmax final : public StructureRules {
 public:
  void settle(Attention& /*workload*/, const FieldMap& /*given*/) const override {}

  Work work(const Attention& a) const noexcept override {
    const double tokens = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
    const double q_and_o = tokens * static_cast<double>(a.q_heads * (a.head_dim + a.v_head_dim)) *
                           static_cast<double>(size_of(a.dtype));
    const double sinks = a.sinks ? 4 * static_cast<double>(a.q_heads) : 0;
    const double table = 4 * static_cast<double>(a.batch * pages_of_a_sequence(a));
    return {a.pairs() * flops_of_a_pair(a),
            q_and_o + seen_keys(a) * bytes_of_a_key(a) + sinks + table, tokens};
  }
  std::optional<double> full_square_flops(const Attention& a) const noexcept override {
    return static_cast<double>(a.q_len) * all_keys(a) * flops_of_a_pair(a);
  }
  std::optional<double> kv_bytes_per_token(const Attention& a) const noexcept override {
    return bytes_of_a_key(a);
  }

  std::vector<NamedDesc> operands(const Attention& a) const override {
    std::vector<std::int64_t> place = {a.batch, a.kv_len, a.kv_heads};
    if (a.paged()) place = {pages_of_all(a), a.page, a.kv_heads};
    const auto rows = [&](std::int64_t width) {
      std::vector<std::int64_t> sizes = place;
      sizes.push_back(width);
      return dense(a.kv_dtype, sizes);
    };
    std::vector<NamedDesc> list = {{"q", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})},
                                   {"k", rows(a.head_dim)},
                                   {"v", rows(a.v_head_dim)}};
    if (a.kv_dtype == DType::s8) {
      list.push_back({"k_scale", dense(DType::f32, place)});
      list.push_back({"v_scale", dense(DType::f32, place)});
    }
    if (a.sinks) list.push_back({"sink", dense(DType::f32, {a.q_heads})});
    if (a.paged())
      list.push_back({"block_table", dense(DType::s32, {a.batch, pages_of_a_sequence(a)})});
    return list;
  }

  std::string fill(const Attention& a, Inputs& inputs, std::uint64_t seed) const override {
    if (a.paged()) draw_table(a, inputs, seed);
    draw_dense(inputs, "q", seed);
    draw_rows(a, inputs, seed, "k", a.kv_heads, a.head_dim,
              [&](std::int64_t sequence, std::int64_t token, std::int64_t head,
                  std::span<float> key) { weigh_own(a, inputs, sequence, token, head, key); });
    draw_rows(a, inputs, seed, "v", a.kv_heads, a.v_head_dim);
    if (a.sinks) draw_sinks(a, inputs, seed);
    return "q, k and v normal(0, 1) as " + std::string(ergon::name(a.dtype)) + " and " +
           std::string(ergon::name(a.kv_dtype)) +
           ", the key at a query's own position heavier by ln of the keys it sees" +
           (a.sinks ? "; sinks normal(ln of the keys of a query, 1)" : "");
  }

  std::vector<NamedDesc> outputs(const Attention& a) const override {
    return {{"o", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})}};
  }

  std::unique_ptr<Oracle> oracle(const Attention& a, const Inputs& inputs) const override {
    return make_softmax_oracle(a, inputs);
  }
  std::size_t oracle_bytes(const Attention& a) const override { return softmax_oracle_bytes(a); }
};

}  // namespace

const StructureRules& softmax_rules() {
  static const Softmax rules;
  return rules;
}

}  // namespace ergon
