// Published architectures of language models, read from configs/models/*.toml: one file per model,
// with where its figures are from and how far they may be trusted (as in hardware.h), and what the
// model scored.
//
// Counts of parameters are in billions. Which matrix multiplications an architecture consists of:
// parts.h; which attention: layers.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/base/maybe.h"

namespace ergon::config {

/// Multi-head latent attention (DeepSeek-V2): queries, and keys with values, pass through a narrow
/// layer each.
struct LatentAttention {
  int q_lora_rank = 0;
  int kv_lora_rank = 0;
  int qk_nope_head_dim = 0;
  int qk_rope_head_dim = 0;
  int v_head_dim = 0;
};

struct SlidingWindow {
  int keys = 0;    // that a query sees, its own included
  int layers = 0;  // whose queries do; those of the others see all
};

/// DeepSeek sparse attention: an indexer scores all keys, and a query sees the best.
struct KeySelection {
  int index_heads = 0, index_head_dim = 0;
  int top_k = 0;  // keys that a query sees
};

struct MixtureOfExperts {
  int experts = 0;  // routed, per layer
  int shared = 0;   // that every token passes beside the routed ones
  int active = 0;   // routed ones that a token passes
  int expert_intermediate = 0;
  int first_dense_layers = 0;                        // that have a dense FFN instead
  std::optional<int> groups = {}, groups_used = {};  // where routing first chooses groups
};

/// Recomputed from the shape: weights of projections, experts and embeddings, but not of routers,
/// norms or biases.
struct ShapeCheck {
  double total_b = 0;
  double active_with_embeddings_b = 0;
  double active_without_embeddings_b = 0;
};

/// Scores of base and chat models, and of different harnesses, do not compare with each other.
struct Score {
  std::string benchmark;   // "MMLU-Pro"
  double value = 0;        // percent
  std::string model_kind;  // "base", "chat", "reasoning", ...
  std::string setting;     // "5-shot"; may be empty
  std::string source, confidence;
};

struct Model {
  std::string file;
  std::string id, name, organisation, release;
  std::string source, as_of, confidence, note;
  std::vector<std::string> more_sources;
  std::vector<std::string> recalled;           // fields that are from memory
  std::map<std::string, std::string> derived;  // fields that follow from others, by which rule

  int layers = 0;
  int hidden_size = 0;
  std::string attention;  // "mha", "gqa", "mqa", "mla", "hybrid"
  std::string attention_note;
  /// All of them unless hybrid. The others' attention is linear: q_heads heads of queries, keys and
  /// values, each of head_dim.
  int softmax_layers = 0;
  int q_heads = 0, kv_heads = 0;
  int head_dim = 0;  // of a key; for mla qk_nope_head_dim + qk_rope_head_dim
  std::optional<LatentAttention> mla;
  std::optional<SlidingWindow> window;       // of softmax layers
  std::optional<KeySelection> sparse;        // of all layers; mla only
  bool attention_sinks = false;              // a logit per head that takes part in no output
  std::optional<double> attention_soft_cap;  // logits become cap tanh(logit / cap)
  /// Logits are divided by the root of this; of head_dim where it is not given.
  std::optional<double> query_pre_attn_scalar;
  int ffn_intermediate = 0;
  bool ffn_gated = false;  // two input projections, as SwiGLU has
  std::optional<MixtureOfExperts> moe;
  int vocab = 0;
  bool tied_embeddings = false;  // lm_head is the embedding's matrix
  std::optional<int> context;
  std::string incomplete;  // which layers the figures leave open; empty where none
  double total_params_b = 0, active_params_b = 0;
  std::string weight_dtype;  // as published
  ShapeCheck shape_check;
  std::vector<Score> scores;
};

/// The model that `folder` has a file for. UserError where that is not as it must be; Absent, with
/// the nearest name, where there is no such file.
Maybe<Model> load_model(const std::string& folder, std::string_view id);

/// Every .toml file of the folder, by id. UserError with file, line and field.
std::vector<Model> load_models(const std::string& folder);

}  // namespace ergon::config
