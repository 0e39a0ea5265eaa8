// The matrix multiplications by weights that a model's architecture consists of.
//
// A part takes k inputs of a token to n outputs, so its weights are n x k. Its name says where it
// stands:
//
//   attention   qkv, which is q, k and v in one; for mla q_down, q_up, kv_down, kv_up (keys
//               without what rotates, and values); attention_out
//   ffn         ffn_gate_up (both input projections in one) or, where not gated, ffn_up; ffn_down
//   experts     expert_gate_up or expert_up, expert_down, of one expert; shared_expert_..., of all
//               shared experts in one, since every token passes them all
//   none        router, lm_head
//
// Softmax attention only: the projections of linear attention layers, and what sparse attention
// adds to choose tokens, are not among them. Biases, norms and the embedding are no parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/config/models.h"

namespace ergon::config {

struct Part {
  std::string name;    // "qkv"
  std::string group;   // "attention", "ffn", "experts"; empty for none
  std::int64_t n = 0;  // outputs
  std::int64_t k = 0;  // inputs
  int layers = 1;      // that have it; 1 for lm_head
  int per_layer = 1;   // matrices in such a layer: the routed experts, else 1
  int active = 1;      // of them, those that one token passes
  std::string within =
      {};  // the part that holds the same weights ("qkv" for q, k and v); else empty

  std::int64_t weights() const noexcept { return n * k; }  // of one matrix
};

std::vector<Part> parts_of(const Model& model);

/// The part of that name, or every part of the group of that name; of "all", every part once. Empty
/// where the model has none.
std::vector<Part> find_parts(const std::vector<Part>& parts, std::string_view name);

/// What find_parts finds something for: groups, then parts.
std::vector<std::string> part_names(const std::vector<Part>& parts);

}  // namespace ergon::config
