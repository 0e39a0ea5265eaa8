#include "bench/config/parts.h"

#include <algorithm>
#include <iterator>

namespace ergon::config {
namespace {

std::int64_t product(int a, int b) { return std::int64_t{a} * b; }

std::vector<Part> latent_attention(const Model& model, const LatentAttention& mla) {
  const std::int64_t hidden = model.hidden_size;
  const int layers = model.softmax_layers;
  const int kv = mla.qk_nope_head_dim + mla.v_head_dim;
  return {
      {"q_down", "attention", mla.q_lora_rank, hidden, layers},
      {"q_up", "attention", product(model.q_heads, model.head_dim), mla.q_lora_rank, layers},
      {"kv_down", "attention", mla.kv_lora_rank + mla.qk_rope_head_dim, hidden, layers},
      {"kv_up", "attention", product(model.kv_heads, kv), mla.kv_lora_rank, layers},
      {"attention_out", "attention", hidden, product(model.q_heads, mla.v_head_dim), layers},
  };
}

std::vector<Part> head_attention(const Model& model) {
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t q = product(model.q_heads, model.head_dim);
  const std::int64_t kv = product(model.kv_heads, model.head_dim);
  const int layers = model.softmax_layers;
  return {
      {"qkv", "attention", q + 2 * kv, hidden, layers},
      {"q", "attention", q, hidden, layers, 1, 1, "qkv"},
      {"k", "attention", kv, hidden, layers, 1, 1, "qkv"},
      {"v", "attention", kv, hidden, layers, 1, 1, "qkv"},
      {"attention_out", "attention", hidden, q, layers},
  };
}

/// Up, and down again from `width`.
std::vector<Part> feed_forward(const Model& model, const std::string& prefix,
                               const std::string& group, std::int64_t width, int layers) {
  std::vector<Part> parts;
  if (model.ffn_gated)
    parts.push_back({prefix + "_gate_up", group, 2 * width, model.hidden_size, layers});
  else
    parts.push_back({prefix + "_up", group, width, model.hidden_size, layers});
  parts.push_back({prefix + "_down", group, model.hidden_size, width, layers});
  return parts;
}

std::vector<Part> experts(const Model& model, const MixtureOfExperts& moe) {
  const int layers = model.layers - moe.first_dense_layers;
  std::vector<Part> parts =
      feed_forward(model, "expert", "experts", moe.expert_intermediate, layers);
  for (Part& part : parts) {
    part.per_layer = moe.experts;
    part.active = moe.active;
  }
  if (moe.shared > 0)
    for (Part& part : feed_forward(model, "shared_expert", "experts",
                                   product(moe.shared, moe.expert_intermediate), layers))
      parts.push_back(std::move(part));
  parts.push_back({"router", "", moe.experts, model.hidden_size, layers});
  return parts;
}

void append(std::vector<Part>& parts, std::vector<Part> more) {
  std::move(more.begin(), more.end(), std::back_inserter(parts));
}

}  // namespace

std::vector<Part> parts_of(const Model& model) {
  std::vector<Part> parts = model.mla ? latent_attention(model, *model.mla) : head_attention(model);
  const int dense_layers = model.moe ? model.moe->first_dense_layers : model.layers;
  if (dense_layers > 0)
    append(parts, feed_forward(model, "ffn", "ffn", model.ffn_intermediate, dense_layers));
  if (model.moe) append(parts, experts(model, *model.moe));
  parts.push_back({"lm_head", "", model.vocab, model.hidden_size});
  return parts;
}

std::vector<Part> find_parts(const std::vector<Part>& parts, std::string_view name) {
  std::vector<Part> found;
  for (const Part& part : parts)
    if (part.name == name || (part.within.empty() && (part.group == name || name == "all")))
      found.push_back(part);
  return found;
}

std::vector<std::string> part_names(const std::vector<Part>& parts) {
  std::vector<std::string> names = {"all"};
  for (const Part& part : parts)
    if (!part.group.empty() && std::find(names.begin(), names.end(), part.group) == names.end())
      names.push_back(part.group);
  for (const Part& part : parts) names.push_back(part.name);
  return names;
}

}  // namespace ergon::config
