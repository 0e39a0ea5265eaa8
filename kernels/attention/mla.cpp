#include "kernels/attention/mla.h"

#include <cmath>
#include <span>
#include <vector>

#include "kernels/attention/draw.h"
#include "kernels/attention/kv.h"
#include "kernels/attention/structure.h"

namespace ergon {
namespace {

double real(std::int64_t value) { return static_cast<double>(value); }
double queries(const Attention& a) { return real(a.batch) * real(a.q_len); }

/// Of all heads.
double flops_of_a_pair(const Attention& a) {
  const std::int64_t width =
      a.phase == Phase::prefill ? a.head_dim + a.v_head_dim : a.latent_dim() + a.kv_lora_rank;
  return 2 * real(a.q_heads) * real(width);
}
/// Products with W_uk and W_uv: of a key where expanded, of a query where absorbed.
double keys_flops(const Attention& a) {
  return 2 * real(a.q_heads) * real(a.nope_head_dim()) * real(a.kv_lora_rank);
}
double values_flops(const Attention& a) {
  return 2 * real(a.q_heads) * real(a.v_head_dim) * real(a.kv_lora_rank);
}

/// A latent that stands at a query's own position, by the query as it meets latents (absorbed).
void weigh_own(const Attention& a, const Inputs& inputs, std::int64_t sequence, std::int64_t token,
               std::span<float> latent) {
  const std::int64_t query = query_at(a, sequence, token);
  if (query < 0) return;
  const std::int64_t head = own_head(a, query), nope = a.nope_head_dim(), rank = a.kv_lora_rank;
  std::vector<double> q(static_cast<std::size_t>(a.head_dim)), w(static_cast<std::size_t>(rank)),
      absorbed(w.size());
  const std::int64_t row = (sequence * a.q_len + query) * a.q_heads + head;
  widen(a.dtype, inputs.data("q", 0), row * a.head_dim, 1, a.head_dim, q.data());
  for (std::int64_t d = 0; d < nope; ++d) {
    widen(a.dtype, inputs.data("w_uk", 0), (head * nope + d) * rank, 1, rank, w.data());
    for (std::size_t r = 0; r < w.size(); ++r) absorbed[r] += q[static_cast<std::size_t>(d)] * w[r];
  }
  absorbed.insert(absorbed.end(), q.begin() + nope, q.end());
  weigh_key(a, a.keys(sequence, query).size(), absorbed, latent);
}

class Mla final : public StructureRules {
 public:
  void settle(Attention& a, const FieldMap& /*given*/) const override {
    if (a.kv_heads != a.q_heads)
      throw InvalidField("kv_heads", "in mla every head of queries has keys of its own");
    if (a.rope_head_dim >= a.head_dim)
      throw InvalidField("rope_head_dim", "is a part of head_dim, and not all of it");
    if (real(a.batch) * real(a.kv_len) * real(a.latent_dim()) > 0x1p55)
      throw InvalidField("kv_len", "the cache has more than 2^55 elements");
    const double tokens = real(a.batch) * real(a.kv_len), heads = real(a.q_heads);
    const double value = real(a.v_head_dim == 0 ? a.head_dim : a.v_head_dim);
    if (tokens * heads * real(a.kv_lora_rank) * (real(a.nope_head_dim()) + value) > 0x1p60 ||
        tokens * heads * real(a.q_len) * 2 * real(a.latent_dim()) > 0x1p60)
      throw InvalidField("kv_len", "the operations are beyond 2^62");
  }

  Work work(const Attention& a) const noexcept override {
    Work all;
    for (const Stage& stage : mla_stages(a)) {
      all.flops += stage.work.flops;
      all.bytes += stage.work.bytes;
    }
    all.tokens = queries(a);
    return all;
  }
  std::optional<double> full_square_flops(const Attention& a) const noexcept override {
    const double once = a.phase == Phase::prefill ? all_keys(a) : queries(a);
    return once * (keys_flops(a) + values_flops(a)) +
           real(a.q_len) * all_keys(a) * flops_of_a_pair(a);
  }
  std::optional<double> kv_bytes_per_token(const Attention& a) const noexcept override {
    return bytes_of_a_row(a, a.latent_dim());
  }

  std::vector<NamedDesc> operands(const Attention& a) const override {
    std::vector<NamedDesc> list = {
        {"q", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})}};
    add_rows(list, a, "latent", a.latent_dim());
    list.push_back({"w_uk", dense(a.dtype, {a.q_heads, a.nope_head_dim(), a.kv_lora_rank})});
    list.push_back({"w_uv", dense(a.dtype, {a.q_heads, a.v_head_dim, a.kv_lora_rank})});
    if (a.sinks) list.push_back({"sink", dense(DType::f32, {a.q_heads})});
    if (a.paged())
      list.push_back({"block_table", dense(DType::s32, {a.batch, pages_of_a_sequence(a)})});
    return list;
  }

  std::string fill(const Attention& a, Inputs& inputs, std::uint64_t seed) const override {
    if (a.paged()) draw_table(a, inputs, seed);
    draw_dense(inputs, "q", seed);
    const double deviation = 1 / std::sqrt(real(a.kv_lora_rank));
    draw_dense(inputs, "w_uk", seed, deviation);
    draw_dense(inputs, "w_uv", seed, deviation);
    draw_rows(a, inputs, seed, "latent", 1, a.latent_dim(),
              [&](std::int64_t sequence, std::int64_t token, std::int64_t /*head*/,
                  std::span<float> row) { weigh_own(a, inputs, sequence, token, row); });
    if (a.sinks) draw_sinks(a, inputs, seed);
    return "q and latent normal(0, 1) as " + std::string(ergon::name(a.dtype)) + " and " +
           std::string(ergon::name(a.kv_dtype)) +
           ", the latent of a query's own position heavier; weights of variance 1 / kv_lora_rank; "
           "sinks, if any, normal(ln of the keys of a "
           "query, 1)";
  }

  std::vector<NamedDesc> outputs(const Attention& a) const override {
    return {{"o", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})}};
  }

  std::unique_ptr<Oracle> oracle(const Attention& a, const Inputs& inputs) const override {
    return make_mla_oracle(a, inputs);
  }
  std::size_t oracle_bytes(const Attention& a) const override { return mla_oracle_bytes(a); }
};

}  // namespace

const StructureRules& mla_rules() {
  static const Mla rules;
  return rules;
}

std::vector<Stage> mla_stages(const Attention& a) {
  const double element = real(static_cast<std::int64_t>(size_of(a.dtype)));
  const auto rows = [&](std::int64_t width) {
    return queries(a) * real(a.q_heads * width) * element;
  };
  const auto weights = [&](std::int64_t width) {
    return real(a.q_heads * width) * real(a.kv_lora_rank) * element;
  };
  const double latent =
      seen_keys(a) * bytes_of_a_row(a, a.latent_dim()) + 4 * real(a.batch * pages_of_a_sequence(a));
  const double sinks = a.sinks ? 4 * real(a.q_heads) : 0;
  const double attention = a.pairs() * flops_of_a_pair(a);
  if (a.phase == Phase::prefill)
    return {{"expand",
             true,
             {seen_keys(a) * (keys_flops(a) + values_flops(a)),
              latent + weights(a.nope_head_dim() + a.v_head_dim)}},
            {"attend", true, {attention, rows(a.head_dim + a.v_head_dim) + sinks}}};
  return {{"absorb",
           true,
           {queries(a) * keys_flops(a), rows(a.nope_head_dim()) + weights(a.nope_head_dim())}},
          {"attend", true, {attention, rows(a.rope_head_dim) + latent + sinks}},
          {"project",
           true,
           {queries(a) * values_flops(a), weights(a.v_head_dim) + rows(a.v_head_dim)}}};
}

}  // namespace ergon
