#include "bench/config/layers.h"

#include <cmath>

namespace ergon::config {
namespace {

using Fields = std::vector<std::pair<std::string, LayerKind::Value>>;

std::int64_t whole(int value) { return value; }

LayerKind latent(const Model& model, const LatentAttention& mla) {
  const Fields fields = {
      {"structure", std::string("mla")},         {"q_heads", whole(model.q_heads)},
      {"head_dim", whole(model.head_dim)},       {"v_head_dim", whole(mla.v_head_dim)},
      {"kv_lora_rank", whole(mla.kv_lora_rank)}, {"rope_head_dim", whole(mla.qk_rope_head_dim)}};
  if (!model.sparse) return {"mla", model.layers, fields};
  // Over latents: their widths follow from them, but the logits' scale is the heads'.
  return {"sparse",
          model.layers,
          {{"structure", std::string("sparse")},
           {"q_heads", whole(model.q_heads)},
           {"scale", 1 / std::sqrt(static_cast<double>(model.head_dim))},
           {"kv_lora_rank", whole(mla.kv_lora_rank)},
           {"rope_head_dim", whole(mla.qk_rope_head_dim)},
           {"index_heads", whole(model.sparse->index_heads)},
           {"index_head_dim", whole(model.sparse->index_head_dim)},
           {"top_k", whole(model.sparse->top_k)}}};
}

Fields softmax(const Model& model) {
  Fields fields = {{"q_heads", whole(model.q_heads)},
                   {"kv_heads", whole(model.kv_heads)},
                   {"head_dim", whole(model.head_dim)}};
  if (model.attention_sinks) fields.emplace_back("sinks", true);
  if (model.attention_soft_cap) fields.emplace_back("soft_cap", *model.attention_soft_cap);
  if (model.query_pre_attn_scalar)
    fields.emplace_back("scale", 1 / std::sqrt(*model.query_pre_attn_scalar));
  return fields;
}

}  // namespace

std::vector<LayerKind> attention_layers_of(const Model& model) {
  if (model.mla) return {latent(model, *model.mla)};
  std::vector<LayerKind> kinds;
  const int windowed = model.window ? model.window->layers : 0;
  if (model.softmax_layers > windowed)
    kinds.push_back({"full", model.softmax_layers - windowed, softmax(model)});
  if (windowed > 0) {
    kinds.push_back({"window", windowed, softmax(model)});
    kinds.back().fields.emplace_back("window", whole(model.window->keys));
  }
  if (model.layers > model.softmax_layers)
    kinds.push_back({"linear",
                     model.layers - model.softmax_layers,
                     {{"structure", std::string("linear")},
                      {"q_heads", whole(model.q_heads)},
                      {"head_dim", whole(model.head_dim)}}});
  return kinds;
}

std::span<const std::string_view> attention_fields_of_models() noexcept {
  static constexpr std::string_view names[] = {
      "structure",     "q_heads",     "kv_heads",       "head_dim", "v_head_dim",
      "window",        "sinks",       "soft_cap",       "scale",    "kv_lora_rank",
      "rope_head_dim", "index_heads", "index_head_dim", "top_k"};
  return names;
}

}  // namespace ergon::config
