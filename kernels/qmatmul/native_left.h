// Activations as the tiles of simd/qtile.h read them: words of a few rows side by side, quantized
// where the format says so.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/qmatmul/native_panels.h"
#include "kernels/simd/tile_cut.h"

namespace ergon {

/// A place for each of the workload's m rows; the rows of a tile take neighbouring places.
class LeftRows {
 public:
  LeftRows(const QMatmul& workload, const simd::QTileSet& set);

  std::size_t bytes() const noexcept { return groups_at_ + group_bytes_; }
  /// QTileCall::left and left_groups of a tile that begins at place `first`.
  std::byte* words(std::byte* left, std::int64_t first) const noexcept {
    return left + first * row_bytes_;
  }
  std::byte* groups(std::byte* left, std::int64_t first) const noexcept {
    return left + groups_at_ + static_cast<std::size_t>(first * groups_per_row_ * 8);
  }
  /// Rows of the slot's x, ascending, become the tile that begins at place `first`.
  void put(const Inputs& inputs, std::size_t slot, std::span<const std::int64_t> rows,
           std::byte* left, std::int64_t first) const;

 private:
  bool multiplied_as_given() const noexcept;
  /// One row as the tile multiplies it, row_bytes() of which the given elements are written, and
  /// its words in `groups`, which the tile's row r of `rows` has.
  void prepare(const Inputs& inputs, std::size_t slot, std::int64_t row, std::byte* to,
               std::byte* groups, int rows) const;

  const QMatmul& workload_;
  const simd::QTileSet& set_;
  std::int64_t element_;  // bytes
  std::int64_t row_bytes_, groups_per_row_;
  std::size_t groups_at_ = 0, group_bytes_ = 0;
  int offset_;
};

/// All rows of x, in their order.
class LeftTiles {
 public:
  LeftTiles(const QMatmul& workload, const simd::QTileSet& set);

  std::int64_t tiles() const noexcept { return cut_.tiles; }
  std::int64_t first_row(std::int64_t tile) const noexcept { return cut_.first(tile); }
  int rows(std::int64_t tile) const noexcept { return cut_.size(tile); }
  /// Whether tiles read x where it is: one row of whole words of the type that is multiplied.
  bool in_place() const noexcept { return in_place_; }
  std::size_t bytes() const noexcept { return in_place_ ? 0 : places_.bytes(); }

  const std::byte* words(std::byte* left, std::int64_t tile) const noexcept {
    return places_.words(left, first_row(tile));
  }
  /// QTileCall::left_groups.
  const std::byte* groups(std::byte* left, std::int64_t tile) const noexcept {
    return places_.groups(left, first_row(tile));
  }

  /// Fills `left` from the slot's x, tiles [first, end).
  void fill(const Inputs& inputs, std::size_t slot, std::int64_t first, std::int64_t end,
            std::byte* left) const;

 private:
  LeftRows places_;
  TileCut cut_;
  bool in_place_;
};

}  // namespace ergon
