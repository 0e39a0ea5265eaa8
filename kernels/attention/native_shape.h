// What the loops with queries in lanes know of a problem: instructions, widths, blocks.
//
// A word is what a lane multiplies at once (simd/tile.h): an f32, or two bf16 along head_dim, or
// along the keys. Keys are taken by blocks; of a block come logits, of these weights, of those
// products with its values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention/attention.h"
#include "kernels/simd/softmax.h"
#include "kernels/simd/tile.h"
#include "kernels/simd/tile_cut.h"

namespace ergon {

constexpr std::int64_t rounded_up(std::int64_t count, std::int64_t unit) noexcept {
  return (count + unit - 1) / unit * unit;
}

/// Rows of memory, `stride` bytes apart.
struct RowsInMemory {
  const std::byte* first = nullptr;
  std::int64_t stride = 0;
};

struct EvenRows {
  RowsInMemory rows;
  std::int64_t count = 0, bytes = 0;  // of a row
};

struct NativeShape {
  /// Of one head of at most `keys` keys: `q_rows` queries of a sequence meet it, `head_dim` and
  /// `v_head_dim` wide.
  NativeShape(DType product, std::int64_t q_rows, std::int64_t keys, std::int64_t head_dim,
              std::int64_t v_head_dim, simd::Isa isa);

  const simd::TileSet& tiles;
  const simd::SoftmaxSet& softmax;
  DType dtype;           // that is multiplied: f32 or bf16
  std::int64_t element;  // bytes of it
  std::int64_t group;    // elements of a word
  std::int64_t q_rows, head_dim, v_head_dim;
  std::int64_t row;    // bytes of a row of queries or keys: head_dim in whole words
  std::int64_t words;  // of it
  std::int64_t panel;  // queries
  std::int64_t block;  // keys; a multiple of `cut`
  /// Keys, after which threads may cut a block.
  static constexpr std::int64_t cut = 64;
  int vectors() const noexcept { return static_cast<int>(panel / tiles.lanes); }
};

}  // namespace ergon
