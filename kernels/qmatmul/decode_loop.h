// A row decoded by plain loops of fixed length: every instruction set compiles them for itself, and
// the compiler makes vectors of them.
#pragma once

#include <bit>

#include "kernels/qmatmul/decode_loops.h"

namespace ergon {
namespace {

struct Bf16Bits {
  std::uint16_t bits;
};

template <class To>
To rounded(float value) {
  if constexpr (sizeof(To) == sizeof(float)) {
    return value;
  } else {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t nearest = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const std::uint32_t quiet_nan = (bits >> 16) | 0x40U;
    return {static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet_nan : nearest)};
  }
}

/// Sign, exponent, and `mantissa` bits below it: all finite but for e4m3's last code.
template <int exponent, int mantissa>
float small_float(std::uint32_t code) {
  constexpr std::uint32_t magnitudes = 1U << (exponent + mantissa),
                          bias = (1U << (exponent - 1)) - 1;
  const std::uint32_t magnitude = code & (magnitudes - 1), sign = code & magnitudes;
  constexpr float least = 1 / static_cast<float>(1U << (bias - 1 + mantissa));
  const auto denormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * least);
  std::uint32_t bits = (magnitude << (23 - mantissa)) + ((127 - bias) << 23);
  bits = magnitude < (1U << mantissa) ? denormal : bits;
  if constexpr (exponent == 4) bits = magnitude == magnitudes - 1 ? 0x7fc00000U : bits;
  return std::bit_cast<float>(bits | (sign << (31 - exponent - mantissa)));
}

template <Stored stored>
float value_of(std::uint8_t code, int zero) {
  if constexpr (stored == Stored::s8) return static_cast<float>(static_cast<std::int8_t>(code));
  if constexpr (stored == Stored::e4m3) return small_float<4, 3>(code);
  if constexpr (stored == Stored::e2m1_pairs) return small_float<2, 1>(code);
  if constexpr (stored == Stored::u4_groups) return static_cast<float>(code);
  return static_cast<float>(code - zero);
}

typedef std::uint8_t Codes __attribute__((vector_size(16)));

/// 32 codes, a byte each. As vectors, because compilers unroll a loop of it into single bytes.
template <bool halves>
void unpack(const std::uint8_t* from, std::uint8_t* to) {
  Codes packed;
  __builtin_memcpy(&packed, from, sizeof packed);
  const Codes low = packed & 15, high = packed >> 4;
  Codes first = low, second = high;
  if constexpr (!halves) {
    first =
        __builtin_shufflevector(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    second = __builtin_shufflevector(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                     30, 15, 31);
  }
  __builtin_memcpy(to, &first, sizeof first);
  __builtin_memcpy(to + sizeof first, &second, sizeof second);
}

/// 64 codes: a group beside the next one.
inline void unpack_two_groups(const std::uint8_t* from, std::uint8_t* to) {
  for (int i = 0; i < 32; i += 16) {
    Codes packed;
    __builtin_memcpy(&packed, from + i, sizeof packed);
    const Codes low = packed & 15, high = packed >> 4;
    __builtin_memcpy(to + i, &low, sizeof low);
    __builtin_memcpy(to + 32 + i, &high, sizeof high);
  }
}

/// A row: read wider than it was written, a group would wait for its own stores.
template <Stored stored>
void unpack_row(const DecodeCall& call, const std::uint8_t* codes, std::uint8_t* to) {
  if constexpr (stored == Stored::u4_groups) {
    for (std::int64_t first = 0; first < call.k; first += 256, codes += call.group_bytes)
      for (std::int64_t i = 0; i < 256; i += 64) unpack_two_groups(codes + i / 2, to + first + i);
  } else {
    for (std::int64_t first = 0; first < call.k; first += call.group, codes += call.group_bytes)
      for (std::int64_t i = 0; i < call.group; i += 32)
        unpack<stored == Stored::u4_halves>(codes + i / 2, to + first + i);
  }
}

template <Stored stored, class To>
__attribute__((always_inline)) inline void decode(const std::uint8_t* __restrict codes, int count,
                                                  float scale, int zero, float minimum,
                                                  To* __restrict to) {
  for (int i = 0; i < count; ++i) {
    const float scaled = value_of<stored>(codes[i], zero) * scale;
    to[i] = rounded<To>(stored == Stored::u4_groups ? scaled - minimum : scaled);
  }
}

template <Stored stored, class To>
void decode_row(const DecodeCall& call) {
  constexpr int step = 32;
  const auto* codes = reinterpret_cast<const std::uint8_t*>(call.codes);
  std::int64_t group_bytes = call.group_bytes;
  if constexpr (stored != Stored::s8 && stored != Stored::e4m3) {
    auto* unpacked = reinterpret_cast<std::uint8_t*>(call.unpacked);
    unpack_row<stored>(call, codes, unpacked);
    codes = unpacked;
    group_bytes = call.group;
  }
  auto* to = reinterpret_cast<To*>(call.to);
  for (std::int64_t first = 0, g = 0; first < call.k; first += call.group, ++g) {
    const std::int64_t count = call.group < call.k - first ? call.group : call.k - first;
    const float scale = call.scales[g];
    const float minimum = stored == Stored::u4_groups ? call.minima[g] : 0;
    const int zero = call.zeros == nullptr ? 8 : static_cast<int>(call.zeros[g]);
    const std::uint8_t* from = codes + g * group_bytes;
    std::int64_t i = 0;
    for (; i + step <= count; i += step)
      decode<stored>(from + i, step, scale, zero, minimum, to + first + i);
    decode<stored>(from + i, static_cast<int>(count - i), scale, zero, minimum, to + first + i);
  }
}

template <class To, std::size_t... stored>
constexpr void fill(DecodeRow (&rows)[ways_to_store]) {
  ((rows[stored] = decode_row<static_cast<Stored>(stored), To>), ...);
}

constexpr DecodeLoops decode_loops() {
  DecodeLoops loops{};
  fill<float, 0, 1, 2, 3, 4, 5>(loops.to_f32);
  fill<Bf16Bits, 0, 1, 2, 3, 4, 5>(loops.to_bf16);
  return loops;
}

}  // namespace
}  // namespace ergon
