#include <immintrin.h>

#include "kernels/simd/widen_loop.h"
#include "kernels/simd/widen_sets.h"

namespace ergon::simd {
namespace {

struct Avx2 {
  static constexpr int lanes = 16;

  static __m256 floats(const std::int8_t* from) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  static __m128i half(const std::uint16_t* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static void s8_to_bf16(const std::int8_t* from, std::uint16_t* to) {
    const __m256i low = _mm256_srli_epi32(_mm256_castps_si256(floats(from)), 16);
    const __m256i high = _mm256_srli_epi32(_mm256_castps_si256(floats(from + 8)), 16);
    // Packed within 128 bits.
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8));
  }
  static void s8_to_f32(const std::int8_t* from, float* to) {
    _mm256_storeu_ps(to, floats(from));
    _mm256_storeu_ps(to + 8, floats(from + 8));
  }
  static void f16_to_f32(const std::uint16_t* from, float* to) {
    _mm256_storeu_ps(to, _mm256_cvtph_ps(half(from)));
    _mm256_storeu_ps(to + 8, _mm256_cvtph_ps(half(from + 8)));
  }
  static void bf16_to_f32(const std::uint16_t* from, float* to) {
    for (int i = 0; i < lanes; i += 8)
      _mm256_storeu_ps(to + i, _mm256_castsi256_ps(
                                   _mm256_slli_epi32(_mm256_cvtepu16_epi32(half(from + i)), 16)));
  }
};

using Loop = WidenLoop<Avx2>;

}  // namespace

constinit const WidenSet avx2_widen = {Isa::avx2,       "f16c",           Loop::s8_to_bf16,
                                       Loop::s8_to_f32, Loop::f16_to_f32, Loop::bf16_to_f32};

}  // namespace ergon::simd
