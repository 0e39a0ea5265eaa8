// Activations as the tiles of simd/qtile.h read them: words of a few rows side by side, quantized
// where the format says so.
#pragma once

#include <cstddef>

#include "kernels/qmatmul/native_panels.h"

namespace ergon {

/// Rows are cut into as few tiles as may be, as even as may be.
class LeftTiles {
 public:
  LeftTiles(const QMatmul& workload, const simd::QTileSet& set);

  std::int64_t tiles() const noexcept { return tiles_; }
  std::int64_t first_row(std::int64_t tile) const noexcept { return rows_ * tile / tiles_; }
  int rows(std::int64_t tile) const noexcept {
    return static_cast<int>(first_row(tile + 1) - first_row(tile));
  }
  /// Whether tiles read x where it is: one row of whole words of the type that is multiplied.
  bool in_place() const noexcept { return in_place_; }
  std::size_t bytes() const noexcept { return in_place_ ? 0 : groups_at_ + group_bytes_; }

  const std::byte* words(const std::byte* left, std::int64_t tile) const noexcept {
    return left + first_row(tile) * row_bytes_;
  }
  /// QTileCall::left_groups.
  const std::byte* groups(const std::byte* left, std::int64_t tile) const noexcept {
    return left + groups_at_ + static_cast<std::size_t>(first_row(tile) * groups_per_row_ * 8);
  }

  /// Fills `left` from the slot's x, tiles [first, end).
  void fill(const Inputs& inputs, std::size_t slot, std::int64_t first, std::int64_t end,
            std::byte* left) const;

 private:
  void row(const Inputs& inputs, std::size_t slot, std::int64_t index, std::byte* words,
           std::byte* groups, int rows) const;

  const QMatmul& workload_;
  const simd::QTileSet& set_;
  std::int64_t rows_, tiles_, depth_, row_bytes_, groups_per_row_;
  std::size_t groups_at_ = 0, group_bytes_ = 0;
  int offset_;
  bool in_place_;
};

}  // namespace ergon
