#include "kernels/attention/sparse.h"

#include <algorithm>
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

/// Of the indexer.
double flops_of_a_score(const Attention& a) {
  return 2 * real(a.index_heads) * real(a.index_head_dim + 1);
}
/// Of all heads.
double flops_of_a_pair(const Attention& a) {
  return 2 * real(a.q_heads) * real(a.head_dim + a.v_head_dim);
}

struct Chosen {
  double pairs = 0;    // of a query and a key chosen for it
  double latents = 0;  // that are read at most
};
Chosen chosen_keys(const Attention& a) {
  Chosen all;
  Attention one = a;
  one.batch = 1;
  if (a.causal) one.window = a.top_k;  // as many keys, if others
  for (std::int64_t b = 0; b < a.batch; ++b) {
    one.kv_len = a.length(b);
    const double pairs =
        a.causal ? one.pairs() : real(a.q_len) * real(std::min(a.top_k, one.kv_len));
    all.pairs += pairs;
    all.latents += std::min(pairs, real(a.keys(b).size()));
  }
  return all;
}

/// A latent that stands at a query's own position.
void weigh_own(const Attention& a, const Inputs& inputs, std::int64_t sequence, std::int64_t token,
               std::span<float> latent) {
  const std::int64_t query = query_at(a, sequence, token);
  if (query < 0) return;
  std::vector<double> q(latent.size());
  const std::int64_t row = (sequence * a.q_len + query) * a.q_heads + own_head(a, query);
  widen(a.dtype, inputs.data("q", 0), row * a.head_dim, 1, a.head_dim, q.data());
  weigh_key(a, std::min(a.top_k, a.keys(sequence, query).size()), q, latent);
}

/// The indexer's key there points where scores are high, as long as others are: it is to be chosen,
/// since of a key that is not, nobody could tell whether it was looked at.
void point_own(const Attention& a, const Inputs& inputs, std::int64_t sequence, std::int64_t token,
               std::span<float> key) {
  const std::int64_t query = query_at(a, sequence, token);
  if (query < 0) return;
  const std::int64_t first = (sequence * a.q_len + query) * a.index_heads;
  const float* weight = inputs.as<float>("index_weight", 0) + first;
  std::vector<double> q(key.size()), sum(key.size());
  for (std::int64_t j = 0; j < a.index_heads; ++j) {
    widen(a.dtype, inputs.data("index_q", 0), (first + j) * a.index_head_dim, 1, a.index_head_dim,
          q.data());
    for (std::size_t i = 0; i < q.size(); ++i) sum[i] += double{weight[j]} * q[i];
  }
  double squares = 0;
  for (const double each : sum) squares += each * each;
  if (squares == 0) return;
  const double factor = std::sqrt(real(a.index_head_dim) / squares);
  for (std::size_t i = 0; i < q.size(); ++i) key[i] = static_cast<float>(factor * sum[i]);
}

class Sparse final : public StructureRules {
 public:
  void settle(Attention& a, const FieldMap& given) const override {
    if (a.phase != Phase::decode)
      throw InvalidField("phase", "structure = sparse is described for decode only");
    const auto follows = [&](const char* field, std::int64_t value, const char* why) {
      const auto found = given.find(field);
      const bool open = found == given.end() || found->second == FieldValue{std::int64_t{0}};
      if (!open && found->second != FieldValue{value})
        throw InvalidField(field, "is " + std::to_string(value) + " in sparse, " + why);
      return value;
    };
    a.head_dim = follows("head_dim", a.latent_dim(), "kv_lora_rank + rope_head_dim");
    a.v_head_dim = follows("v_head_dim", a.kv_lora_rank, "the kv_lora_rank");
    a.kv_heads = follows("kv_heads", 1, "since all heads share the latent");
    if (queries(a) * real(std::max(a.top_k, a.index_heads * a.index_head_dim)) > 0x1p55)
      throw InvalidField("q_len", "selected or index_q has more than 2^55 elements");
    const double keys = real(a.batch) * real(a.kv_len);
    if (keys * real(std::max(a.head_dim, a.index_head_dim)) > 0x1p55)
      throw InvalidField("kv_len", "the cache has more than 2^55 elements");
    if (keys * real(a.q_len) * real(a.index_heads) * real(a.index_head_dim) > 0x1p60)
      throw InvalidField("kv_len", "the operations are beyond 2^62");
  }

  Work work(const Attention& a) const noexcept override {
    Work all;
    for (const Stage& stage : sparse_stages(a)) {
      all.flops += stage.work.flops;
      all.bytes += stage.work.bytes;
    }
    all.tokens = queries(a);
    return all;
  }
  /// Every key scored, and every key attended to.
  std::optional<double> full_square_flops(const Attention& a) const noexcept override {
    return real(a.q_len) * all_keys(a) * (flops_of_a_score(a) + flops_of_a_pair(a));
  }
  std::optional<double> kv_bytes_per_token(const Attention& a) const noexcept override {
    return bytes_of_a_row(a, a.head_dim) + bytes_of_a_row(a, a.index_head_dim);
  }

  std::vector<NamedDesc> operands(const Attention& a) const override {
    std::vector<NamedDesc> list = {
        {"q", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.head_dim})}};
    add_rows(list, a, "latent", a.head_dim);
    list.push_back(
        {"index_q", dense(a.dtype, {a.batch, a.q_len, a.index_heads, a.index_head_dim})});
    add_rows(list, a, "index_k", a.index_head_dim);
    list.push_back({"index_weight", dense(DType::f32, {a.batch, a.q_len, a.index_heads})});
    if (a.paged())
      list.push_back({"block_table", dense(DType::s32, {a.batch, pages_of_a_sequence(a)})});
    return list;
  }

  std::string fill(const Attention& a, Inputs& inputs, std::uint64_t seed) const override {
    if (a.paged()) draw_table(a, inputs, seed);
    draw_dense(inputs, "q", seed);
    draw_dense(inputs, "index_q", seed);
    draw_dense(inputs, "index_weight", seed);
    using Change =
        void (*)(const Attention&, const Inputs&, std::int64_t, std::int64_t, std::span<float>);
    const auto draw = [&](const char* operand, std::int64_t width, Change change) {
      draw_rows(a, inputs, seed, operand, 1, width,
                [&](std::int64_t sequence, std::int64_t token, std::int64_t /*head*/,
                    std::span<float> row) { change(a, inputs, sequence, token, row); });
    };
    draw("latent", a.head_dim, weigh_own);
    draw("index_k", a.index_head_dim, point_own);
    return "normal(0, 1): q and index_q as " + std::string(ergon::name(a.dtype)) +
           ", latent and index_k as " + std::string(ergon::name(a.kv_dtype)) +
           ", index_weight f32; the latent of a query's own position heavier, and chosen";
  }

  std::vector<NamedDesc> outputs(const Attention& a) const override {
    return {{"o", dense(a.dtype, {a.batch, a.q_len, a.q_heads, a.v_head_dim})},
            {"selected", dense(DType::s32, {a.batch, a.q_len, a.top_k})}};
  }

  std::unique_ptr<Oracle> oracle(const Attention& a, const Inputs& inputs) const override {
    return make_sparse_oracle(a, inputs);
  }
  std::size_t oracle_bytes(const Attention& a) const override { return sparse_oracle_bytes(a); }
};

}  // namespace

const StructureRules& sparse_rules() {
  static const Sparse rules;
  return rules;
}

std::vector<Stage> sparse_stages(const Attention& a) {
  const double element = real(static_cast<std::int64_t>(size_of(a.dtype)));
  const double index_queries =
      queries(a) * real(a.index_heads) * (real(a.index_head_dim) * element + sizeof(float));
  const double table = 4 * real(a.batch * pages_of_a_sequence(a));
  const Chosen chosen = chosen_keys(a);
  return {{"score",
           true,
           {a.pairs() * flops_of_a_score(a),
            index_queries + table + seen_keys(a) * bytes_of_a_row(a, a.index_head_dim)}},
          {"select", true, {0, 4 * queries(a) * real(a.top_k)}},
          {"attend",
           true,
           {chosen.pairs * flops_of_a_pair(a),
            queries(a) * real(a.q_heads) * real(a.head_dim + a.v_head_dim) * element +
                chosen.latents * bytes_of_a_row(a, a.head_dim)}}};
}

}  // namespace ergon
