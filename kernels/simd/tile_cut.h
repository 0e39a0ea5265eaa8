// Rows cut evenly into tiles.
#pragma once

#include <cstdint>

namespace ergon {

/// Where rows are cut into as few tiles as may be, as even as may be.
struct TileCut {
  std::int64_t rows = 0, tiles = 0;
  TileCut(std::int64_t row_count, int most_rows)
      : rows(row_count), tiles((row_count + most_rows - 1) / most_rows) {}
  std::int64_t first(std::int64_t tile) const noexcept { return rows * tile / tiles; }
  int size(std::int64_t tile) const noexcept {
    return static_cast<int>(first(tile + 1) - first(tile));
  }
};

}  // namespace ergon
