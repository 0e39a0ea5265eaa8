// How a product is cut: into panels of a tile's rows and columns, blocks that fit the caches, and
// parts for the threads.
//
//   part    [rows x columns] of one batch or more, all k; one thread's
//   block   of columns, of k, of rows: one packed panel of right words stays in L1 or L2 while all
//           left panels of the block, which stay in L2, pass by
//   panel   at most a tile's rows (left), or its columns (right)
//
// Rows are cut evenly: of 30 rows and tiles of 14 come three panels of 10. Columns are cut into
// full panels and a last one that is as narrow as vectors allow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gemm/native_shape.h"
#include "kernels/simd/tile.h"

namespace ergon {

struct NativeCaches {
  std::int64_t l1 = 32 << 10, l2 = 1 << 20;  // bytes of one core's
};
/// What the processor reports; where it does not say, 32 KiB and 1 MiB.
NativeCaches native_caches();

enum class NativePacking { once, per_call };

struct NativeBlocking {
  NativeBlocking(const NativeShape& shape, const simd::TileSet& set, NativePacking packing,
                 int threads, const NativeCaches& caches);

  /// Of the same columns and batches.
  int groups_of_parts() const noexcept { return batch_parts * column_parts; }
  int parts() const noexcept { return groups_of_parts() * row_parts; }
  /// First row of left panel `panel`; of `row_panels`, the end.
  std::int64_t row_of(std::int64_t panel) const noexcept;
  /// Columns of right panel `panel` that exist.
  int columns_in(std::int64_t panel) const noexcept;
  /// Those with the padding of its last vector.
  int width_of(std::int64_t panel) const noexcept;
  std::int64_t groups_in(std::int64_t k_block) const noexcept;

  std::int64_t rows, columns, groups;
  int panel_columns, lanes;
  std::int64_t row_panels, column_panels;
  std::int64_t panel_rows = 0, taller_panels = 0;      // the first ones have a row more
  std::int64_t padded_columns;                         // of all panels
  std::int64_t k_block, k_blocks;                      // in groups
  std::int64_t block_row_panels, block_column_panels;  // of a block
  int batch_parts = 1, row_parts = 1, column_parts = 1;
  bool left_in_place;   // tiles read it where it lies
  bool right_in_place;  // likewise, but for a last panel that is not full

 private:
  void choose_parts(const NativeShape& shape, const simd::TileSet& set, int threads,
                    bool packs_left, bool packs_right);
  void choose_blocks(const simd::TileSet& set, std::int64_t word, bool packs_right,
                     const NativeCaches& caches);
};

}  // namespace ergon
