// Words in 512-bit registers: what packing and tiles of AVX-512 share. AVX-512 F and BW.
#pragma once

#include <immintrin.h>

#include "kernels/simd/pack_loop.h"

namespace ergon::simd {
namespace {

struct Avx512Words32 {
  using Words = __m512i;
  static constexpr int lanes = 16;

  static __mmask16 first(int count) { return static_cast<__mmask16>((1U << count) - 1U); }
  /// 1 to 64 bytes.
  static Words read(const std::byte* from, int bytes) {
    return _mm512_maskz_loadu_epi8(~0ULL >> (64 - bytes), from);
  }
  static void write(std::byte* to, Words words, int count) {
    _mm512_mask_storeu_epi32(to, first(count), words);
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    if constexpr (element == 4) {
      return _mm512_maskz_loadu_epi32(first(count), from);
    } else if constexpr (element == 2) {
      return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(count), from));
    } else {
      return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(count), from));
    }
  }
  static Words either(Words a, Words b) { return _mm512_or_si512(a, b); }
  template <int bits>
  static Words up(Words a) {
    return bits == 0 ? a : _mm512_slli_epi32(a, bits);
  }
  // Words, then pairs of words within 128 bits, then 128 bits: each step halves what is out of
  // place.
  static void transpose(Words (&x)[16]) {
    Words t[16];
    unrolled<8>([&](auto i) ERGON_INLINE {
      t[2 * i] = _mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]);
      t[2 * i + 1] = _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]);
    });
    unrolled<4>([&](auto i) ERGON_INLINE {
      x[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
      x[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
      x[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
      x[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    });
    // x[4 i + j], 128-bit part q: words 4 i .. 4 i + 3 of column 4 q + j.
    unrolled<4>([&](auto j) ERGON_INLINE {
      const Words low = _mm512_shuffle_i32x4(x[j], x[4 + j], 0x44);
      const Words high = _mm512_shuffle_i32x4(x[j], x[4 + j], 0xee);
      const Words low2 = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0x44);
      const Words high2 = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0xee);
      t[j] = _mm512_shuffle_i32x4(low, low2, 0x88);
      t[4 + j] = _mm512_shuffle_i32x4(low, low2, 0xdd);
      t[8 + j] = _mm512_shuffle_i32x4(high, high2, 0x88);
      t[12 + j] = _mm512_shuffle_i32x4(high, high2, 0xdd);
    });
    unrolled<16>([&](auto i) ERGON_INLINE { x[i] = t[i]; });
  }
};

struct Avx512Words64 {
  using Words = __m512i;
  static constexpr int lanes = 8;

  static __mmask8 first(int count) { return static_cast<__mmask8>((1U << count) - 1U); }
  static Words read(const std::byte* from, int bytes) { return Avx512Words32::read(from, bytes); }
  static void write(std::byte* to, Words words, int count) {
    _mm512_mask_storeu_epi64(to, first(count), words);
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    static_assert(element == 8);
    return _mm512_maskz_loadu_epi64(first(count), from);
  }
  static Words either(Words a, Words b) { return _mm512_or_si512(a, b); }
  template <int bits>
  static Words up(Words a) {
    return bits == 0 ? a : _mm512_slli_epi64(a, bits);
  }
  static void transpose(Words (&x)[8]) {
    Words t[8];
    unrolled<4>([&](auto i) ERGON_INLINE {
      t[2 * i] = _mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
      t[2 * i + 1] = _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
    });
    // t[2 i + j], 128-bit part q: words 2 i, 2 i + 1 of column 2 q + j.
    unrolled<2>([&](auto j) ERGON_INLINE {
      const Words low = _mm512_shuffle_i64x2(t[j], t[2 + j], 0x44);
      const Words high = _mm512_shuffle_i64x2(t[j], t[2 + j], 0xee);
      const Words low2 = _mm512_shuffle_i64x2(t[4 + j], t[6 + j], 0x44);
      const Words high2 = _mm512_shuffle_i64x2(t[4 + j], t[6 + j], 0xee);
      x[j] = _mm512_shuffle_i64x2(low, low2, 0x88);
      x[2 + j] = _mm512_shuffle_i64x2(low, low2, 0xdd);
      x[4 + j] = _mm512_shuffle_i64x2(high, high2, 0x88);
      x[6 + j] = _mm512_shuffle_i64x2(high, high2, 0xdd);
    });
  }
};

/// Sums of 32 bits, as floats or integers.
struct Avx512Floats {
  using Words = __m512i;
  using Sum = __m512;
  static constexpr int lanes = 16, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return _mm512_maskz_loadu_ps(Avx512Words32::first(columns), from);
  }
  static void write(std::byte* to, Sum sum, int columns) {
    _mm512_mask_storeu_ps(to, Avx512Words32::first(columns), sum);
  }
  static Sum add(Sum a, Sum b) { return _mm512_add_ps(a, b); }
};

struct Avx512Integers {
  using Words = __m512i;
  using Sum = __m512i;
  static constexpr int lanes = 16, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return _mm512_maskz_loadu_epi32(Avx512Words32::first(columns), from);
  }
  static void write(std::byte* to, Sum sum, int columns) {
    _mm512_mask_storeu_epi32(to, Avx512Words32::first(columns), sum);
  }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
};

inline std::int32_t word_at(const std::byte* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return word;
}

// Of the 32 registers 28 hold sums, two the right words, one the left word. A row costs two
// multiply-adds and one broadcast from memory; of the latter two start every cycle.
constexpr int avx512_rows = 14, avx512_vectors = 2;

}  // namespace
}  // namespace ergon::simd
