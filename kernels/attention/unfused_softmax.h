// The part of unfused attention between its two products that is ours.
#pragma once

#include "kernels/attention/unfused_scores.h"
#include "kernels/simd/isa.h"

namespace ergon {

struct UnfusedSoftmax {
  const Attention& workload;
  const ScoreLayout& layout;
  const float* sinks = nullptr;  // [q_heads]; nullptr: none
  float* scores = nullptr;       // scale applied
  /// Where weights go as bf16; nullptr: they take the place of the scores.
  std::uint16_t* rounded = nullptr;
  float soft_cap = 0;  // where scores lack it
  int threads = 1;
};

/// All of it: soft cap, mask, sinks, softmax. Weights of keys that are not seen become 0.
void make_weights(const UnfusedSoftmax& softmax, simd::Isa isa);

/// For a softmax that knows no mask: scores of keys that are not seen become -infinity, those of a
/// query that sees nothing 0.
void mask_scores(const UnfusedSoftmax& softmax);
/// And after it: the weights of a query that sees nothing become 0.
void clear_unseeing(const UnfusedSoftmax& softmax);

}  // namespace ergon
