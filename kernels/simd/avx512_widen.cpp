#include <immintrin.h>

#include "kernels/simd/widen_loop.h"
#include "kernels/simd/widen_sets.h"

namespace ergon::simd {
namespace {

struct Avx512 {
  static constexpr int lanes = 32;

  static __m512 floats(const std::int8_t* from) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static __m256i half(const std::uint16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void s8_to_bf16(const std::int8_t* from, std::uint16_t* to) {
    // The upper halves of all words.
    const __m512i upper =
        _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27,
                         25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(_mm512_castps_si512(floats(from)), upper,
                                                      _mm512_castps_si512(floats(from + 16))));
  }
  static void s8_to_f32(const std::int8_t* from, float* to) {
    _mm512_storeu_ps(to, floats(from));
    _mm512_storeu_ps(to + 16, floats(from + 16));
  }
  static void f16_to_f32(const std::uint16_t* from, float* to) {
    _mm512_storeu_ps(to, _mm512_cvtph_ps(half(from)));
    _mm512_storeu_ps(to + 16, _mm512_cvtph_ps(half(from + 16)));
  }
  static void bf16_to_f32(const std::uint16_t* from, float* to) {
    for (int i = 0; i < lanes; i += 16)
      _mm512_storeu_ps(to + i, _mm512_castsi512_ps(
                                   _mm512_slli_epi32(_mm512_cvtepu16_epi32(half(from + i)), 16)));
  }
};

using Loop = WidenLoop<Avx512>;

}  // namespace

constinit const WidenSet avx512_widen = {
    Isa::avx512, "", Loop::s8_to_bf16, Loop::s8_to_f32, Loop::f16_to_f32, Loop::bf16_to_f32};

}  // namespace ergon::simd
