// What the quantized tiles of AVX-512 share: scales, totals, quantizing. AVX-512 F, BW, DQ, VL.
#pragma once

#include <immintrin.h>

#include "kernels/simd/avx512_words.h"
#include "kernels/simd/qtile_loop.h"

namespace ergon::simd {
namespace {

inline __m512 scales_avx512(QScale type, const std::byte* from) {
  switch (type) {
    case QScale::f32:
      return _mm512_loadu_ps(from);
    case QScale::bf16:
      return _mm512_castsi512_ps(_mm512_slli_epi32(
          _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))), 16));
    case QScale::f16:
      return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    case QScale::e8m0:
      // Of 2^-127, which is denormal, the exponent's bits alone would make 0.
      return _mm512_castsi512_ps(_mm512_max_epu32(
          _mm512_slli_epi32(
              _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))), 23),
          _mm512_set1_epi32(0x00400000)));
    case QScale::one_f32:
      return _mm512_castsi512_ps(_mm512_set1_epi32(word_at(from)));
    case QScale::none:
      break;
  }
  return _mm512_set1_ps(1);
}

/// The nibble of each lane (qtile.h), in bits 0 to 3.
inline __m512i zero_nibbles_avx512(const std::byte* from) {
  std::int64_t nibbles;
  __builtin_memcpy(&nibbles, from, sizeof nibbles);
  const __m512i shifts =
      _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
  return _mm512_and_si512(_mm512_srlv_epi32(_mm512_set1_epi64(nibbles), shifts),
                          _mm512_set1_epi32(15));
}

template <QProduct computed>
struct Avx512Totals {
  static constexpr QProduct product = computed;
  static constexpr int lanes = 16;
  // Two a cycle, five or six cycles each (Zen 5; Zen 4: one a cycle, four).
  static constexpr int in_flight = 10, registers = 26;
  using Float = __m512;
  static Float read_scale(const std::byte* from) { return scales_avx512(product.scale, from); }
  static Float scaled(Float scale, const std::byte* by) {
    return _mm512_mul_ps(scale, _mm512_castsi512_ps(_mm512_set1_epi32(word_at(by))));
  }
  static Float times(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float times_add(Float total, Float a, Float b) { return _mm512_fmadd_ps(a, b, total); }
  static Float added(Float total, const std::byte* to, int columns) {
    return _mm512_add_ps(total, _mm512_maskz_loadu_ps(Avx512Words32::first(columns), to));
  }
  static void write(std::byte* to, Float total, int columns) {
    _mm512_mask_storeu_ps(to, Avx512Words32::first(columns), total);
  }
  static void write_bf16(std::byte* to, Float total, int columns) {
    const __m512i bits = _mm512_castps_si512(total);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(total, total, _CMP_UNORD_Q);
    const __m512i kept = _mm512_mask_or_epi32(up, is_nan, bits, _mm512_set1_epi32(0x400000));
    _mm256_mask_storeu_epi16(to, Avx512Words32::first(columns),
                             _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
  }
};

inline __m512 activations_avx512(const std::byte* x, bool from_bf16, std::int64_t at) {
  if (!from_bf16) return _mm512_loadu_ps(x + 4 * at);
  return _mm512_castsi512_ps(_mm512_slli_epi32(
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 2 * at))), 16));
}

inline QuantizedGroup quantize_avx512(const std::byte* x, bool from_bf16, std::int64_t count,
                                      bool half, std::int8_t* codes) {
  __m512 most = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < count; i += 16)
    most = _mm512_max_ps(most, _mm512_abs_ps(activations_avx512(x, from_bf16, i)));
  const float largest = _mm512_reduce_max_ps(most);
  const bool none = !(largest >= 0x1p-119F);
  const __m512 factor = _mm512_set1_ps(none ? 0 : 127 / largest);
  __m512i sum = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m512i code =
        _mm512_cvtps_epi32(_mm512_mul_ps(activations_avx512(x, from_bf16, i), factor));
    sum = _mm512_add_epi32(sum, code);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_cvtepi32_epi8(code));
  }
  float scale = none ? 0 : largest / 127;
  if (half) scale = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(scale), 0)));
  return {scale, _mm512_reduce_add_epi32(sum)};
}

inline std::int32_t sum_avx512(const std::int8_t* codes, std::int64_t count) {
  __m512i sum = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < count; i += 64) {
    const __mmask64 present = ~0ULL >> std::max<std::int64_t>(64 - (count - i), 0);
    // As unsigned bytes, 128 too large each.
    const __m512i bytes = _mm512_xor_si512(_mm512_maskz_loadu_epi8(present, codes + i),
                                           _mm512_maskz_set1_epi8(present, -128));
    sum = _mm512_add_epi64(sum, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
  }
  return static_cast<std::int32_t>(_mm512_reduce_add_epi64(sum) - 128 * count);
}

/// What every set of AVX-512 has.
inline constexpr QTileSet avx512_qtile_set = {.isa = Isa::avx512,
                                              .quantize = quantize_avx512,
                                              .sum = sum_avx512,
                                              .pack = pack<Avx512Words32, 4, 1>};

}  // namespace
}  // namespace ergon::simd
