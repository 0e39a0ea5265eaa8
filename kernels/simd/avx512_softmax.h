// The softmax step's Unit of 512 bits: AVX-512 F, BW and DQ.
#pragma once

#include <immintrin.h>

#include "kernels/simd/softmax_loop.h"

namespace ergon::simd {
namespace {

struct Avx512Softmax {
  using F = __m512;
  using I = std::int32_t __attribute__((vector_size(64)));
  static constexpr int lanes = 16;

  static F load(const float* from) { return _mm512_loadu_ps(from); }
  static I load(const std::int32_t* from) { return reinterpret_cast<I>(_mm512_loadu_si512(from)); }
  static void store(float* to, F value) { _mm512_storeu_ps(to, value); }
  static F largest(F a, F b) { return _mm512_max_ps(a, b); }
  static float most(F a) { return _mm512_reduce_max_ps(a); }
  static float total(F a) { return _mm512_reduce_add_ps(a); }
  static bool any_not(F a, float value) {
    return _mm512_cmp_ps_mask(a, _mm512_set1_ps(value), _CMP_NEQ_UQ) != 0;
  }
  template <int degree>
  static F power(F x) {
    // x - floor(x), without exceptions.
    return _mm512_scalef_ps(polynomial<degree>(_mm512_reduce_ps(x, 0x09)), x);
  }
  /// Rounded to nearest even, in the lower half; not for NaN.
  static __m512i rounded(F value) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_srli_epi32(
        _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  }
  static __m512i words(const std::uint16_t* from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static void weave(const std::uint16_t* low, const std::uint16_t* high, std::uint32_t* to) {
    _mm512_storeu_si512(to, _mm512_or_si512(words(low), _mm512_slli_epi32(words(high), 16)));
  }
  static void store_pairs(std::byte* to, F a, F b) {
    _mm512_storeu_si512(to, _mm512_or_si512(rounded(a), _mm512_slli_epi32(rounded(b), 16)));
  }
  static void store_bf16(std::byte* to, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(rounded(a)));
  }
};

}  // namespace
}  // namespace ergon::simd
