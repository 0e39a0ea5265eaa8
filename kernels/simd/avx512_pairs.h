// What quantized products by vdpbf16ps share. Denormals among codes and activations count as 0, as
// the instruction has it. AVX-512 BF16.
#pragma once

#include "kernels/simd/avx512_wide.h"

namespace ergon::simd {
namespace {

template <QProduct computed>
struct Pairs : Avx512Totals<computed> {
  using Sum = __m512;
  using Words = __m512i;
  static void multiply_add(Sum& sum, Words words, __m512i left) { add_pairs(sum, words, left); }
  static void multiply_add(Sum& sum, Words words, const std::byte* left) {
    add_pairs(sum, words, same_word(left));
  }
  static Sum nothing() { return _mm512_setzero_ps(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static __m512 to_float(Sum sum) { return sum; }
};

inline constexpr QTileSet by_pairs = [] {
  QTileSet set = avx512_qtile_set;
  set.instruction = "vdpbf16ps zmm";
  set.features = {"avx512_bf16"};
  return set;
}();

}  // namespace
}  // namespace ergon::simd
