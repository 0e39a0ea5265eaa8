// The attention problems that a model's layers consist of, as fields of the family `attention`.
//
//   full     softmax attention over all keys
//   window   over the last ones only
//   mla      over a latent that all heads share (DeepSeek-V2)
//   sparse   the same, over keys that an indexer chooses (DeepSeek-V3.2)
//   linear   lightning attention (MiniMax-01): every head has keys of its own
//
// One for each kind of layer that the model has. Nothing here says how many tokens there are, or in
// which format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bench/config/models.h"

namespace ergon::config {

struct LayerKind {
  using Value = std::variant<std::int64_t, double, bool, std::string>;

  std::string name;  // "window"
  int layers = 1;    // that are so
  std::vector<std::pair<std::string, Value>> fields;
};

std::vector<LayerKind> attention_layers_of(const Model& model);

/// What some model gives, so that no suite may give it beside a model.
std::span<const std::string_view> attention_fields_of_models() noexcept;

}  // namespace ergon::config
