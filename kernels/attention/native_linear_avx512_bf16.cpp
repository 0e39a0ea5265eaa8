// Rounding to bf16 by vcvtneps2bf16, which takes denormals as zero, as the products do.
#include <immintrin.h>

#include "kernels/attention/native_linear_loop.h"

namespace ergon {
namespace {

/// Calls body(first, mask) for 16 elements each, fewer in the last.
template <class Body>
ERGON_INLINE inline void by_vectors(std::int64_t count, Body&& body) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) body(i, static_cast<__mmask16>(0xffff));
  if (i < count) body(i, static_cast<__mmask16>((1U << (count - i)) - 1U));
}

inline __m256i nearest(__m512 value) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value));
}

void fill_zeros(std::uint16_t* to, std::int64_t first, std::int64_t end) {
  for (std::int64_t i = first; i < end; ++i) to[i] = 0;
}

void fade_rows_bf16(const FadeRowsCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    const auto* from = reinterpret_cast<const std::uint16_t*>(call.from + r * call.from_row);
    auto* to = reinterpret_cast<std::uint16_t*>(call.to + r * call.to_row);
    const __m512 factor = _mm512_set1_ps(call.factors[r]);
    by_vectors(call.width, [&](std::int64_t i, __mmask16 mask) ERGON_INLINE {
      const __m512i bits =
          _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + i)), 16);
      _mm256_mask_storeu_epi16(to + i, mask,
                               nearest(_mm512_mul_ps(factor, _mm512_castsi512_ps(bits))));
    });
    fill_zeros(to, call.width, call.padded);
  }
}

void weights_bf16(const WeightsCall& call) {
  auto* to = reinterpret_cast<std::uint16_t*>(call.to);
  by_vectors(call.count, [&](std::int64_t i, __mmask16 mask) ERGON_INLINE {
    const __m512 weight = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, call.factors + i),
                                        _mm512_maskz_loadu_ps(mask, call.scores + i));
    _mm256_mask_storeu_epi16(to + i, mask, nearest(weight));
  });
  fill_zeros(to, call.count, call.padded);
}

void state_words_pairs(const StateWordsCall& call) {
  const __m512 decay = _mm512_set1_ps(call.decay);
  // 16 elements as words, and decayed.
  const auto take = [&](float* at, __mmask16 mask) ERGON_INLINE {
    const __m512 value = _mm512_maskz_loadu_ps(mask, at);
    _mm512_mask_storeu_ps(at, mask, _mm512_mul_ps(value, decay));
    return _mm512_cvtepu16_epi32(nearest(value));
  };
  auto* to = reinterpret_cast<std::uint32_t*>(call.to);
  for (std::int64_t r = 0; r < call.rows; r += 2, to += call.width) {
    float* low = call.state + r * call.state_row;
    float* high = r + 1 < call.rows ? low + call.state_row : nullptr;
    // Width is a multiple of 16: the last words are written whole.
    by_vectors(call.columns, [&](std::int64_t i, __mmask16 mask) ERGON_INLINE {
      __m512i words = take(low + i, mask);
      if (high != nullptr)
        words = _mm512_or_si512(words, _mm512_slli_epi32(take(high + i, mask), 16));
      _mm512_storeu_si512(to + i, words);
    });
  }
}

}  // namespace

constinit const LinearLoops linear_avx512_bf16 = {
    loops().recurrence, loops().f32, {fade_rows_bf16, weights_bf16, state_words_pairs}};

}  // namespace ergon
