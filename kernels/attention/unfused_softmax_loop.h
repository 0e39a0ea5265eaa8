// The loops of unfused_softmax_loops.h, plain: every instruction set compiles them for itself, and
// the compiler makes vectors of them.
//
// Exponential and hyperbolic tangent: reduction and polynomials of the Cephes library (expf, tanhf;
// S. Moshier), within two units in the last place.
#pragma once

#include "kernels/attention/unfused_softmax_loops.h"

namespace ergon {
namespace {

/// Of x <= 88; exp(-87) below that, which is nothing beside the largest weight.
inline float exponential(float x) {
  constexpr float log2_e = 1.44269504F, ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
  constexpr float rounding = 0x1.8p23F;  // its last place is 1
  x = x < -87 ? -87.0F : x;
  const float n = (x * log2_e + rounding) - rounding;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1;
  return p * __builtin_bit_cast(float, (static_cast<std::int32_t>(n) + 127) << 23);
}

inline float hyperbolic_tangent(float x) {
  const float size = x < 0 ? -x : x, square = x * x;
  float small = -5.70498872745e-3F;
  small = small * square + 2.06390887954e-2F;
  small = small * square - 5.37397155531e-2F;
  small = small * square + 1.33314422036e-1F;
  small = small * square - 3.33332819422e-1F;
  small = small * square * size + size;
  // 1 in f32 from 9 on.
  const float large = 1 - 2 / (exponential(2 * (size < 10 ? size : 10.0F)) + 1);
  const float result = size < 0.625F ? small : large;
  return x < 0 ? -result : result;
}

/// Compilers make no vectors of float reductions; of these lanes they do.
constexpr int lanes = 32;

/// of(i) for each i below `count`, combined.
template <class Of, class Combine>
float reduced(std::int64_t count, float start, Of of, Combine combine) {
  float partial[lanes];
  for (float& lane : partial) lane = start;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) partial[lane] = combine(partial[lane], of(i + lane));
  for (int lane = 0; i < count; ++i, ++lane) partial[lane] = combine(partial[lane], of(i));
  float all = partial[0];
  for (int lane = 1; lane < lanes; ++lane) all = combine(all, partial[lane]);
  return all;
}

inline void softmax_row(const SoftmaxRowCall& call) {
  float* const x = call.scores;
  const std::int64_t count = call.count;
  if (call.soft_cap > 0) {
    const float cap = call.soft_cap, share = 1 / cap;
    for (std::int64_t i = 0; i < count; ++i) x[i] = cap * hyperbolic_tangent(x[i] * share);
  }
  const float largest = reduced(
      count, call.sink != nullptr ? *call.sink : x[0], [x](std::int64_t i) { return x[i]; },
      [](float a, float b) { return b > a ? b : a; });
  float sum = reduced(
      count, 0, [x, largest](std::int64_t i) { return x[i] = exponential(x[i] - largest); },
      [](float a, float b) { return a + b; });
  if (call.sink != nullptr) sum += exponential(*call.sink - largest);
  const float factor = 1 / sum;
  if (call.rounded == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
    return;
  }
  std::uint16_t* const to = call.rounded;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x[i] * factor);
    to[i] = static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
  }
}

}  // namespace
}  // namespace ergon
