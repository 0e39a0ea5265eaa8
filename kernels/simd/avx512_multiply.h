// Multiply-adds of 512 bits. In assembly, because g++ 12 copies every sum twice around vpdpbusd's
// intrinsic: 52 instructions for 12 multiply-adds, which a processor that starts two a cycle cannot
// keep up with (Zen 5: 0.6 of its peak).
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/simd/avx512_words.h"

namespace ergon::simd {
namespace {

inline __m512i same_word(const std::byte* word) { return _mm512_set1_epi32(word_at(word)); }

#if defined(__AVX512VNNI__)
/// sum += four products of u8 by s8.
inline void add_quads(__m512i& sum, __m512i u8, __m512i s8) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u8), "v"(s8));
}
#endif

#if defined(__AVX512BF16__)
/// sum += two products of bf16.
inline void add_pairs(__m512& sum, __m512i a, __m512i b) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}
#endif

}  // namespace
}  // namespace ergon::simd
