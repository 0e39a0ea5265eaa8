// The loops that make plain numbers of codes, compiled once per instruction set.
//
// Their sources are compiled with the flags of one instruction set: they may be called only where
// cpu_info() has it, and include nothing that other sources share (the linker keeps one copy of an
// inline function, perhaps theirs).
#pragma once

#include <cstddef>
#include <cstdint>

namespace ergon {

/// How codes lie: a byte each, or two a byte; `halves`: element i of 32 beside element i + 16;
/// `groups`: a group of 32 beside the next one, and 4 such pairs behind each other.
enum class Stored : std::uint8_t { s8, e4m3, u4_pairs, u4_halves, e2m1_pairs, u4_groups };
inline constexpr std::size_t ways_to_store = 6;

/// One row: to[i] = (code - zero point) * scale, of u4_groups code * scale - minimum, in f32,
/// rounded once, and again where `to` is bf16.
struct DecodeCall {
  const std::byte* codes = nullptr;
  std::int64_t group_bytes = 0;  // from a group's codes to the next one's; u4_groups: of 8 groups
  const float* scales = nullptr;
  const float* minima = nullptr;     // of u4_groups
  const std::byte* zeros = nullptr;  // of u4; nullptr: 8
  std::int64_t k = 0, group = 0;     // of two a byte, multiples of 32
  std::byte* unpacked = nullptr;     // room for k of them
  std::byte* to = nullptr;
};
using DecodeRow = void (*)(const DecodeCall&);

/// By Stored.
struct DecodeLoops {
  DecodeRow to_f32[ways_to_store];
  DecodeRow to_bf16[ways_to_store];
};
extern const DecodeLoops decode_portable, decode_avx2, decode_avx512;

}  // namespace ergon
