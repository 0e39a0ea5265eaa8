// The last step of a tile, as a plain loop: every instruction set compiles it for itself, and the
// compiler makes vectors of it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/simd/tile.h"

namespace ergon::simd {
namespace {

struct Bf16Bits {
  std::uint16_t bits;
};

inline float widened(Bf16Bits value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
template <class Number>
Number widened(Number value) {
  return value;
}

template <class Out, class Sum>
Out rounded(Sum value) {
  if constexpr (std::is_same_v<Out, Bf16Bits>) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t nearest = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const std::uint32_t quiet_nan = (bits >> 16) | 0x40U;
    return {static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet_nan : nearest)};
  } else {
    return value;
  }
}

template <class Sum>
Sum factor(double value) {
  if constexpr (std::is_integral_v<Sum>)
    return static_cast<Sum>(static_cast<std::int64_t>(value));
  else
    return static_cast<Sum>(value);
}

template <class Sum, class Out>
void finish(const FinishCall& call) {
  const Sum alpha = factor<Sum>(call.alpha), beta = factor<Sum>(call.beta);
  const bool adds = call.beta != 0;
  for (int r = 0; r < call.rows; ++r) {
    const auto* from = reinterpret_cast<const Sum*>(call.from + r * call.from_row);
    std::byte* row = call.c + r * call.c_row;
    if (call.c_column == sizeof(Out)) {
      auto* c = reinterpret_cast<Out*>(row);
      if (adds)
        for (int j = 0; j < call.columns; ++j)
          c[j] = rounded<Out>(alpha * from[j] + beta * widened(c[j]));
      else
        for (int j = 0; j < call.columns; ++j) c[j] = rounded<Out>(alpha * from[j]);
      continue;
    }
    for (int j = 0; j < call.columns; ++j) {
      auto* c = reinterpret_cast<Out*>(row + j * call.c_column);
      *c = rounded<Out>(adds ? alpha * from[j] + beta * widened(*c) : alpha * from[j]);
    }
  }
}

}  // namespace
}  // namespace ergon::simd
