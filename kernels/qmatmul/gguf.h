// Blocks of the GGUF formats: how weights that lie together with their scales are stored, and how
// llama.cpp chooses them (ggml-common.h, ggml-quants.c). format.h asks this file.
//
//   q4_0   f16 scale; 16 bytes, which pair element i (low) with element i + 16
//   q8_0   f16 scale; 32 bytes
//   q4_K   256 elements in groups of 32: f16 scale and f16 minimum; 12 bytes of 6-bit multiples of
//          each, one of both for every group; 128 bytes, of which 32 pair a group (low) with the
//          next one
//
// The multiples of groups 0 to 3 are the low 6 bits of bytes 0 to 3 (scales) and 4 to 7 (minima).
// Those of group g from 4 on have their low 4 bits in byte g + 4, the scale's low and the minimum's
// high, and their upper 2 bits above those of group g - 4.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/qmatmul/format.h"

namespace ergon::gguf {

std::int64_t block_bytes(const Format& format) noexcept;

/// format.block values.
void quantize_block(const Format& format, const float* w, std::byte* to);

/// Of element `at` of a block, and of its group `group` (0 where it has one).
int code_at(const Format& format, const std::byte* block, int at);
float scale_at(const Format& format, const std::byte* block, int group);
/// Of formats with minima.
float minimum_at(const std::byte* block, int group);

/// Where a block's codes begin.
std::int64_t codes_at(const Format& format) noexcept;

}  // namespace ergon::gguf
