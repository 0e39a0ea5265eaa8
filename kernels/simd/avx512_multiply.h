// Multiply-adds whose second factor is a word of memory, the same for all lanes.
//
// In assembly, because g++ 12 copies every sum twice around the intrinsic and loads the word apart:
// 52 instructions for 12 multiply-adds, which a processor that starts two a cycle cannot keep up
// with (Zen 5: 0.6 of its peak). A sanitizer does not see what assembly reads, so it gets the
// intrinsic.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/simd/avx512_words.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ERGON_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define ERGON_SANITIZED
#endif
#endif

namespace ergon::simd {
namespace {

inline __m512i same_word(const std::byte* word) { return _mm512_set1_epi32(word_at(word)); }

#if defined(__AVX512VNNI__)
/// sum += four products of u8 by s8; vpdpbusd.
inline void add_quads(__m512i& sum, __m512i u8, __m512i s8) {
#ifdef ERGON_SANITIZED
  sum = _mm512_dpbusd_epi32(sum, u8, s8);
#else
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u8), "v"(s8));
#endif
}
/// By the word at `s8`.
inline void add_quads(__m512i& sum, __m512i u8, const std::byte* s8) {
#ifdef ERGON_SANITIZED
  add_quads(sum, u8, same_word(s8));
#else
  __asm__("vpdpbusd %2%{1to16%}, %1, %0"
          : "+v"(sum)
          : "v"(u8), "m"(*reinterpret_cast<const char(*)[4]>(s8)));
#endif
}
#endif

#if defined(__AVX512BF16__)
/// sum += two products of bf16; vdpbf16ps.
inline void add_pairs(__m512& sum, __m512i a, __m512i b) {
#ifdef ERGON_SANITIZED
  // One register type to the instruction; clang and g++ name its bf16 vectors alike.
  sum = _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#else
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#endif
}
/// By the word at `b`.
inline void add_pairs(__m512& sum, __m512i a, const std::byte* b) {
#ifdef ERGON_SANITIZED
  add_pairs(sum, a, same_word(b));
#else
  __asm__("vdpbf16ps %2%{1to16%}, %1, %0"
          : "+v"(sum)
          : "v"(a), "m"(*reinterpret_cast<const char(*)[4]>(b)));
#endif
}
#endif

}  // namespace
}  // namespace ergon::simd
