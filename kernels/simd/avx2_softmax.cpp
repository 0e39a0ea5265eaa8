#include <immintrin.h>

#include "kernels/simd/softmax_loop.h"
#include "kernels/simd/softmax_sets.h"

namespace ergon::simd {
namespace {

struct Avx2 {
  using F = __m256;
  using I = std::int32_t __attribute__((vector_size(32)));
  static constexpr int lanes = 8;

  static F load(const float* from) { return _mm256_loadu_ps(from); }
  static I load(const std::int32_t* from) {
    return reinterpret_cast<I>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static void store(float* to, F value) { _mm256_storeu_ps(to, value); }
  static F largest(F a, F b) { return _mm256_max_ps(a, b); }
  static float most(F a) {
    float value = a[0];
    for (int i = 1; i < lanes; ++i) value = a[i] > value ? a[i] : value;
    return value;
  }
  static float total(F a) {
    float value = 0;
    for (int i = 0; i < lanes; ++i) value += a[i];
    return value;
  }
  static bool any_not(F a, float value) {
    bool any = false;
    for (int i = 0; i < lanes; ++i) any |= a[i] != value;
    return any;
  }
  template <int degree>
  static F power(F x) {
    const F whole = _mm256_floor_ps(x);
    const F value = polynomial<degree>(x - whole);
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(whole), 23);
    const F scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), exponent));
    return _mm256_and_ps(scaled, _mm256_cmp_ps(x, _mm256_set1_ps(-126), _CMP_GT_OQ));
  }
  /// Rounded to nearest even, in the lower half; not for NaN.
  static __m256i rounded(F value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    return _mm256_srli_epi32(
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  }
  static __m256i words(const std::uint16_t* from) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static void weave(const std::uint16_t* low, const std::uint16_t* high, std::uint32_t* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_or_si256(words(low), _mm256_slli_epi32(words(high), 16)));
  }
  static void store_pairs(std::byte* to, F a, F b) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_or_si256(rounded(a), _mm256_slli_epi32(rounded(b), 16)));
  }
  static void store_bf16(std::byte* to, F a) {
    const __m256i words = rounded(a);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
  }
};

using Loop = SoftmaxLoop<Avx2>;

}  // namespace

constinit const SoftmaxSet avx2_softmax_f32 = {
    Isa::avx2,   false,          "",         Loop::columns<false>, Loop::row<false>,
    Loop::scale, Loop::positive, Loop::weave};
constinit const SoftmaxSet avx2_softmax_bf16 = {
    Isa::avx2,   true,           "",         Loop::columns<true>, Loop::row<true>,
    Loop::scale, Loop::positive, Loop::weave};

}  // namespace ergon::simd
