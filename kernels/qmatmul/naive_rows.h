// What naive loops over quantized weights are made of: tokens as they are multiplied, a decoded row
// of weights, and the product of the two. Integer formats sum products exactly within a group; all
// else is f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

/// Tokens as they are multiplied: codes and scales, or floats.
struct NaiveTokens {
  std::vector<std::int8_t> codes;  // [m, k]
  std::vector<float> scales;       // [m, groups of activations]
  std::vector<float> floats;       // [m, k]
};
NaiveTokens naive_tokens(const QMatmul& q, const Inputs& inputs, std::size_t slot);

struct NaiveRow {
  std::vector<int> codes;     // [k], less their zero point
  std::vector<float> values;  // [k], of the codes
  std::vector<float> scales;  // [groups]
  std::vector<float> minima;  // [groups], or none

  explicit NaiveRow(const QMatmul& q);
  /// Becomes row `j` of the weights.
  void decode(const QMatmul& q, const Weights& weights, std::int64_t j);
  /// With token `i`.
  float product(const QMatmul& q, const NaiveTokens& tokens, std::int64_t i) const;
};

}  // namespace ergon
