// Words in 128-bit registers: what packing and tiles of Arm's NEON share.
#pragma once

#include <arm_neon.h>

#include <cstring>

#include "kernels/simd/pack_loop.h"

namespace ergon::simd {
namespace {

struct NeonWords32 {
  using Words = uint32x4_t;
  static constexpr int lanes = 4;

  static Words read(const std::byte* from, int bytes) {
    Words words = vdupq_n_u32(0);
    std::memcpy(&words, from, static_cast<std::size_t>(bytes));
    return words;
  }
  static void write(std::byte* to, Words words, int count) {
    if (count == lanes)
      vst1q_u8(reinterpret_cast<std::uint8_t*>(to), vreinterpretq_u8_u32(words));
    else
      std::memcpy(to, &words, 4 * static_cast<std::size_t>(count));
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    if constexpr (element == 4) {
      return read(from, 4 * count);
    } else {
      std::uint64_t narrow = 0;
      std::memcpy(&narrow, from, static_cast<std::size_t>(count) * element);
      if constexpr (element == 2) return vmovl_u16(vcreate_u16(narrow));
      return vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(narrow))));
    }
  }
  static Words either(Words a, Words b) { return vorrq_u32(a, b); }
  template <int bits>
  static Words up(Words a) {
    return vshlq_n_u32(a, bits);
  }
  static void transpose(Words (&x)[4]) {
    const uint32x4x2_t low = vtrnq_u32(x[0], x[1]), high = vtrnq_u32(x[2], x[3]);
    x[0] = vcombine_u32(vget_low_u32(low.val[0]), vget_low_u32(high.val[0]));
    x[1] = vcombine_u32(vget_low_u32(low.val[1]), vget_low_u32(high.val[1]));
    x[2] = vcombine_u32(vget_high_u32(low.val[0]), vget_high_u32(high.val[0]));
    x[3] = vcombine_u32(vget_high_u32(low.val[1]), vget_high_u32(high.val[1]));
  }
};

struct NeonWords64 {
  using Words = uint64x2_t;
  static constexpr int lanes = 2;

  static Words read(const std::byte* from, int bytes) {
    Words words = vdupq_n_u64(0);
    std::memcpy(&words, from, static_cast<std::size_t>(bytes));
    return words;
  }
  static void write(std::byte* to, Words words, int count) {
    std::memcpy(to, &words, 8 * static_cast<std::size_t>(count));
  }
  template <int element>
  static Words spread(const std::byte* from, int count) {
    static_assert(element == 8);
    return read(from, 8 * count);
  }
  static Words either(Words a, Words b) { return vorrq_u64(a, b); }
  template <int bits>
  static Words up(Words a) {
    return vshlq_n_u64(a, bits);
  }
  static void transpose(Words (&x)[2]) {
    const Words first = vtrn1q_u64(x[0], x[1]);
    x[1] = vtrn2q_u64(x[0], x[1]);
    x[0] = first;
  }
};

struct NeonFloats {
  using Words = uint32x4_t;
  using Sum = float32x4_t;
  static constexpr int lanes = 4, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return vreinterpretq_f32_u32(NeonWords32::read(from, 4 * columns));
  }
  static void write(std::byte* to, Sum sum, int columns) {
    NeonWords32::write(to, vreinterpretq_u32_f32(sum), columns);
  }
  static Sum add(Sum a, Sum b) { return vaddq_f32(a, b); }
};

struct NeonIntegers {
  using Words = uint32x4_t;
  using Sum = int32x4_t;
  static constexpr int lanes = 4, phases = 1;
  static Sum read(const std::byte* from, int columns) {
    return vreinterpretq_s32_u32(NeonWords32::read(from, 4 * columns));
  }
  static void write(std::byte* to, Sum sum, int columns) {
    NeonWords32::write(to, vreinterpretq_u32_s32(sum), columns);
  }
  static Sum add(Sum a, Sum b) { return vaddq_s32(a, b); }
};

inline uint32x4_t load_words(const std::byte* from) {
  return vreinterpretq_u32_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(from)));
}
inline uint32x4_t broadcast_word(const std::byte* from) {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return vdupq_n_u32(word);
}

// Of the 32 registers 24 hold sums, three the right words, one the left word: a row costs three
// multiply-adds and one load.
constexpr int neon_rows = 8, neon_vectors = 3;

}  // namespace
}  // namespace ergon::simd
