// Words in 256-bit registers: what packing and tiles of AVX2 share.
#pragma once

#include <immintrin.h>

#include "kernels/simd/pack_loop.h"

namespace ergon::simd {
namespace {

struct Avx2Words32 {
  using Words = __m256i;
  static constexpr int lanes = 8;

  static __m256i first(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Words read(const std::byte* from, int bytes) {
    if (bytes == 32) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    Words words{};
    __builtin_memcpy(&words, from, static_cast<std::size_t>(bytes));
    return words;
  }
  static void write(std::byte* to, Words words, int count) {
    if (count == lanes)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), words);
    else
      _mm256_maskstore_epi32(reinterpret_cast<int*>(to), first(count), words);
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    if constexpr (element == 4) {
      return read(from, 4 * count);
    } else {
      std::byte bytes[16] = {};
      __builtin_memcpy(bytes, from, static_cast<std::size_t>(count) * element);
      const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
      return element == 2 ? _mm256_cvtepu16_epi32(narrow) : _mm256_cvtepu8_epi32(narrow);
    }
  }
  static Words either(Words a, Words b) { return _mm256_or_si256(a, b); }
  template <int bits>
  static Words up(Words a) {
    return _mm256_slli_epi32(a, bits);
  }
  static void transpose(Words (&x)[8]) {
    Words t[8];
    unrolled<4>([&](auto i) ERGON_INLINE {
      t[2 * i] = _mm256_unpacklo_epi32(x[2 * i], x[2 * i + 1]);
      t[2 * i + 1] = _mm256_unpackhi_epi32(x[2 * i], x[2 * i + 1]);
    });
    unrolled<2>([&](auto i) ERGON_INLINE {
      x[4 * i] = _mm256_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
      x[4 * i + 1] = _mm256_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
      x[4 * i + 2] = _mm256_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
      x[4 * i + 3] = _mm256_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    });
    // x[4 i + j], 128-bit part q: words 4 i .. 4 i + 3 of column 4 q + j.
    unrolled<4>([&](auto j) ERGON_INLINE {
      t[j] = _mm256_permute2x128_si256(x[j], x[4 + j], 0x20);
      t[4 + j] = _mm256_permute2x128_si256(x[j], x[4 + j], 0x31);
    });
    unrolled<8>([&](auto i) ERGON_INLINE { x[i] = t[i]; });
  }
};

struct Avx2Words64 {
  using Words = __m256i;
  static constexpr int lanes = 4;

  static __m256i first(int count) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static Words read(const std::byte* from, int bytes) { return Avx2Words32::read(from, bytes); }
  static void write(std::byte* to, Words words, int count) {
    Avx2Words32::write(to, words, 2 * count);
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    static_assert(element == 8);
    return read(from, 8 * count);
  }
  static Words either(Words a, Words b) { return _mm256_or_si256(a, b); }
  template <int bits>
  static Words up(Words a) {
    return _mm256_slli_epi64(a, bits);
  }
  static void transpose(Words (&x)[4]) {
    Words t[4];
    unrolled<2>([&](auto i) ERGON_INLINE {
      t[2 * i] = _mm256_unpacklo_epi64(x[2 * i], x[2 * i + 1]);
      t[2 * i + 1] = _mm256_unpackhi_epi64(x[2 * i], x[2 * i + 1]);
    });
    unrolled<2>([&](auto j) ERGON_INLINE {
      x[j] = _mm256_permute2x128_si256(t[j], t[2 + j], 0x20);
      x[2 + j] = _mm256_permute2x128_si256(t[j], t[2 + j], 0x31);
    });
  }
};

struct Avx2Floats {
  using Words = __m256i;
  using Sum = __m256;
  static constexpr int lanes = 8, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return _mm256_castsi256_ps(Avx2Words32::read(from, 4 * columns));
  }
  static void write(std::byte* to, Sum sum, int columns) {
    Avx2Words32::write(to, _mm256_castps_si256(sum), columns);
  }
  static Sum add(Sum a, Sum b) { return _mm256_add_ps(a, b); }
};

struct Avx2Integers {
  using Words = __m256i;
  using Sum = __m256i;
  static constexpr int lanes = 8, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return Avx2Words32::read(from, 4 * columns);
  }
  static void write(std::byte* to, Sum sum, int columns) { Avx2Words32::write(to, sum, columns); }
  static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
};

inline __m256i load_words(const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
inline __m256i broadcast_word(const std::byte* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return _mm256_set1_epi32(word);
}

// Of the 16 registers 12 hold sums, two the right words, one the left word.
constexpr int avx2_rows = 6, avx2_vectors = 2;

}  // namespace
}  // namespace ergon::simd
