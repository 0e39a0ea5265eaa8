// The loops over the blocks of a native product: one nest for every dtype, instruction set and
// packing.
//
//   for columns, for k          a round: right words are packed, where they were not before
//     for rows                  left words are packed, where tiles do not read them in place
//       for right panels, for left panels: a tile
//
// Sums of a tile stay in registers over a block of k, and between blocks in memory of their own: C
// is written once, rounded once, and its layout costs nothing in between. Every element of C is
// summed in the same order whoever does it, so results do not depend on the number of threads.
// Parts of the same columns share the packing of right words, and wait for each other around it.
#pragma once

#include <cstddef>

#include "kernels/gemm/native_blocking.h"
#include "kernels/gemm/native_shape.h"

namespace ergon {

class NativeLoop {
 public:
  NativeLoop(const NativeShape& shape, const simd::TileSet& set, NativePacking packing,
             int threads);

  const NativeBlocking& blocking() const noexcept { return blocking_; }
  /// Of the weights, packed once; 0 where they are packed per call.
  std::size_t packed_bytes() const noexcept { return whole_.bytes; }
  std::size_t workspace_bytes() const noexcept { return memory_.bytes; }

  /// Packs all weights, whose first is at `from`, into `to`.
  void pack_once(const std::byte* from, std::byte* to) const;
  /// One call over matrices whose first elements these are. `packed` is nullptr where weights are
  /// packed per call. `packed` and `workspace` start on a cache line.
  void run(const std::byte* left, const std::byte* right, const std::byte* packed, std::byte* c,
           std::byte* workspace) const;

 private:
  /// Weights packed as a whole: for each batch the words (blocks of k, in them panels), then what
  /// the left shift adds to each column, by block of k.
  struct Whole {
    std::size_t words = 0, batch = 0, bytes = 0;
  };
  /// The workspace: of each group of parts with the same columns right words and what the left
  /// shift adds to their columns, then of each part left words and sums.
  struct Memory {
    std::size_t right = 0, column_sums = 0, group = 0, left = 0, sums = 0, part = 0, bytes = 0;
    std::int64_t sums_row = 0;  // of one row panel
  };
  struct Call {
    const std::byte *left, *right, *packed;
    std::byte *c, *workspace;
  };
  struct Round {
    std::int64_t batch, columns, k_block;  // numbered from each part's own first
  };
  struct Block;

  Whole plan_whole() const noexcept;
  Memory plan_memory() const noexcept;
  bool packs_right() const noexcept;
  bool packs_left() const noexcept;
  bool writes_c() const noexcept;
  std::int64_t word() const noexcept;

  void pack_rows(const std::byte* from, std::int64_t panel, std::int64_t k_block,
                 std::byte* to) const;
  /// Panels [first, end), one behind the other.
  void pack_columns(const std::byte* from, std::int64_t first, std::int64_t end,
                    std::int64_t k_block, std::byte* to, std::byte* column_sums) const;
  void sum_columns(const std::byte* words, int width, std::int64_t groups, std::byte* to) const;
  bool block_of(const Call& call, int part, const Round& round, Block& block) const;
  void pack_right(const Block& block) const;
  void pack_left(Block& block) const;
  void run_rows(Block& block) const;
  void run_block(const Block& block) const;

  NativeShape shape_;
  const simd::TileSet& set_;
  NativePacking packing_;
  NativeBlocking blocking_;
  Whole whole_;
  Memory memory_;
};

}  // namespace ergon
