// Register-level building blocks of a matrix product, one set per instruction set and product.
//
// A word is what a lane of one multiply-add consumes: `group` neighbours along k (f64 and f32: 1,
// bf16: 2, 8-bit integers: 4) in word_bytes(product) bytes. Left words are broadcast, right words
// come by vectors of `lanes` columns:
//
//   to[r, c] = sum over g < groups of left[r, g] . right[g, c]  + start[r, c] + every_row[c]
//
//   left    row r, group g at left + r * left_row + g * left_group bytes: packed, or where it lies
//   right   group g at right + g * right_group bytes, vectors * lanes words side by side: a packed
//           panel, or columns where they lie
//
// Sums are f64, f32 or s32 (exact modulo 2^32). Nothing here knows blocking, threads or files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/simd/isa.h"

namespace ergon {
struct CpuInfo;
}

namespace ergon::simd {

enum class Product { f64, f32, bf16, s8s8, u8s8 };

int group(Product product) noexcept;
std::size_t word_bytes(Product product) noexcept;
/// Of an operand in memory.
std::size_t element_bytes(Product product) noexcept;
/// Of a sum.
std::size_t sum_bytes(Product product) noexcept;

struct TileCall {
  std::int64_t groups = 0;
  const std::byte* left = nullptr;
  std::int64_t left_row = 0, left_group = 0;  // bytes
  const std::byte* right = nullptr;
  std::int64_t right_group = 0;  // bytes
  /// Added to the sums; nullptr: nothing. `start` may be `to`.
  const std::byte* start = nullptr;
  std::int64_t start_row = 0;  // bytes
  const std::byte* every_row = nullptr;
  std::byte* to = nullptr;
  std::int64_t to_row = 0;  // bytes
  /// Of the last vector; what lies beyond in a row is neither read nor written.
  int columns = 0;
  /// `to` is bf16, rounded to nearest even; only where the set writes_bf16.
  bool to_bf16 = false;
  /// How far ahead of use a line of `right` is asked for; bytes.
  std::int64_t ahead = 0;
};
using Tile = void (*)(const TileCall&);

/// One panel: rows [0, rows) of a matrix as words, the columns of a panel being its rows:
/// to[g, r] = the group g of row r, `width` words a group; words of rows from `rows` on and
/// elements from k on are 0. One of the strides is one element.
struct PackCall {
  const std::byte* from = nullptr;
  std::int64_t row_stride = 0, k_stride = 0;  // bytes
  int rows = 0, width = 0;
  std::int64_t k = 0;  // elements
  std::byte* to = nullptr;
};
using Pack = void (*)(const PackCall&);

/// c = alpha * from + beta * c for a tile of sums; where beta is 0, c is not read. The output type
/// is the sums', or bf16 (rounded to nearest even, denormals kept) from f32. s32: modulo 2^32,
/// alpha and beta are integers.
struct FinishCall {
  int rows = 0, columns = 0;
  const std::byte* from = nullptr;
  std::int64_t from_row = 0;  // bytes
  double alpha = 1, beta = 0;
  std::byte* c = nullptr;
  std::int64_t c_row = 0, c_column = 0;  // bytes
};
using Finish = void (*)(const FinishCall&);

struct TileSet {
  Isa isa;
  Product product;
  std::string_view instruction;  // "vdpbf16ps zmm"
  std::string_view feature;      // beside those of the instruction set; empty: none
  int most_rows, lanes, most_vectors;
  /// 8-bit left elements are multiplied as if this were added to them (128, -128 or 0): the caller
  /// takes as many times the sums of the right operand's columns away.
  int left_shift;
  bool writes_bf16;   // tiles do; else finish_bf16 does
  const Tile* tiles;  // [vectors - 1][rows - 1]
  Pack pack;
  Finish finish;
  Finish finish_bf16;  // nullptr where the sums are not f32

  Tile tile(int rows, int vectors) const noexcept {
    return tiles[(vectors - 1) * most_rows + rows - 1];
  }
  int panel() const noexcept { return lanes * most_vectors; }
};

/// All that this build holds, best last.
std::span<const TileSet* const> tile_sets() noexcept;
/// Whether the processor has what the set needs.
bool usable(const TileSet& set, const CpuInfo& cpu) noexcept;
/// The best for a product within an instruction set (its own, or portable where it has none);
/// every processor has one.
const TileSet& best_tile_set(Product product, Isa isa, const CpuInfo& cpu) noexcept;

}  // namespace ergon::simd
