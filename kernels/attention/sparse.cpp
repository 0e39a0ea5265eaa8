#include "kernels/attention/sparse.h"

#include <algorithm>

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
    draw_rows(a, inputs, seed, "latent", 1, a.head_dim);
    draw_dense(inputs, "index_q", seed);
    draw_rows(a, inputs, seed, "index_k", 1, a.index_head_dim);
    draw_dense(inputs, "index_weight", seed);
    return "normal(0, 1): q and index_q as " + std::string(ergon::name(a.dtype)) +
           ", latent and index_k as " + std::string(ergon::name(a.kv_dtype)) + ", index_weight f32";
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
