// Packing of one panel, over a Unit of words:
//
//   Words                       a register of `lanes` words
//   lanes
//   read(p, bytes)              the first `bytes` of a register, the rest 0
//   write(p, words, count)      the first `count` words
//   spread<element>(p, count)   `count` elements of `element` bytes, each at the bottom of a word
//   either(a, b), up<bits>(a)   bitwise or, shift
//   transpose(Words[lanes])     in place
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/simd/tile.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {

/// Reading strides over pages: what the processor's own prefetcher does not follow is asked for
/// this many blocks, or groups, ahead of use.
constexpr std::int64_t blocks_ahead = 8, groups_ahead = 16;

/// Rows whose k lies side by side: blocks of lanes x lanes words are transposed.
template <class Unit, std::int64_t group, std::int64_t element>
void pack_along_k(const PackCall& call) {
  constexpr std::int64_t lanes = Unit::lanes, word = group * element, block_bytes = lanes * word;
  const std::int64_t bytes = call.k * element, groups = (call.k + group - 1) / group;
  for (std::int64_t g = 0; g < groups; g += lanes) {
    const std::int64_t words = std::min(lanes, groups - g);
    const auto present = static_cast<int>(std::min(bytes - g * word, block_bytes));
    for (std::int64_t r = 0; r < call.width; r += lanes) {
      typename Unit::Words block[lanes];
      const std::byte* from = call.from + r * call.row_stride + g * word;
      unrolled<lanes>([&](auto i) ERGON_INLINE {
        __builtin_prefetch(from + i * call.row_stride + blocks_ahead * block_bytes);
        block[i] = r + static_cast<std::int64_t>(i) < call.rows
                       ? Unit::read(from + i * call.row_stride, present)
                       : typename Unit::Words{};
      });
      Unit::transpose(block);
      const auto count = static_cast<int>(std::min(lanes, call.width - r));
      std::byte* to = call.to + (g * call.width + r) * word;
      unrolled<lanes>([&](auto i) ERGON_INLINE {
        if (static_cast<std::int64_t>(i) < words)
          Unit::write(to + i * call.width * word, block[i], count);
      });
    }
  }
}

/// Rows that lie side by side, k by k: `group` lines are woven into words.
template <class Unit, std::int64_t group, std::int64_t element>
void pack_along_rows(const PackCall& call) {
  constexpr std::int64_t lanes = Unit::lanes, word = group * element;
  const std::int64_t groups = (call.k + group - 1) / group;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t present = std::min(group, call.k - g * group);
    for (std::int64_t r = 0; r < call.width; r += lanes) {
      const auto rows = static_cast<int>(std::clamp<std::int64_t>(call.rows - r, 0, lanes));
      const std::byte* from = call.from + g * group * call.k_stride + r * element;
      typename Unit::Words words{};
      unrolled<group>([&](auto i) ERGON_INLINE {
        __builtin_prefetch(from + i * call.k_stride + call.width * element);
        if (static_cast<std::int64_t>(i) < present)
          words =
              Unit::either(words, Unit::template up<8 * element * i>(Unit::template spread<element>(
                                      from + i * call.k_stride, rows)));
      });
      Unit::write(call.to + (g * call.width + r) * word, words,
                  static_cast<int>(std::min(lanes, call.width - r)));
    }
  }
}

template <class Unit, std::int64_t group, std::int64_t element>
void pack(const PackCall& call) {
  if (call.k_stride == element)
    pack_along_k<Unit, group, element>(call);
  else
    pack_along_rows<Unit, group, element>(call);
}

}  // namespace ergon::simd
