// Linear attention of slices by blocks of tokens, as matrix products over register tiles of
// kernels/simd. Of a block of n tokens, in f32 sums:
//
//   P = Q K^T, row i times decay^(i - j) up to j = i          weights within the block
//   O = [Q' P] [S; V]       Q': row i times decay^(i + 1)      one product: sums stay in registers
//   S = decay^n S + K'^T V  K': row i times decay^(n - 1 - i)  sums begin in the state
//
// Operands are bf16 or f32; S is kept in f32, and rounded where it is multiplied. Of O and S one
// panel of columns at a time, so that its words of S and V stay in the nearest cache.
#pragma once

#include <string>

#include "kernels/attention/attention.h"
#include "kernels/attention/native_linear_loops.h"
#include "kernels/attention/native_linear_slice.h"
#include "kernels/simd/tile.h"

namespace ergon {

class LinearChunks {
 public:
  /// Tokens of a block. Within it weights cost n (head_dim + v_head_dim) operations a token, which
  /// nobody counts, beside 4 head_dim v_head_dim of the state; a shorter one reads and writes the
  /// state more often.
  static constexpr std::int64_t tokens = 64;

  LinearChunks(const Attention& workload, simd::Isa isa);
  /// Of one thread.
  std::size_t workspace_bytes() const noexcept { return memory_.bytes; }
  void run(const LinearSlice& slice, std::byte* workspace) const;
  std::string detail() const;

 private:
  /// Offsets into the workspace.
  struct Memory {
    std::size_t queries, left, keys, faded, transposed, right, scores, sums, factors, bytes;
  };
  struct Block;

  Memory plan_memory() const noexcept;
  std::int64_t left_row() const noexcept { return (head_dim_padded_ + tokens) * element_; }
  void take_queries_and_keys(const Block& block) const;
  void weigh(const Block& block) const;
  /// Columns from `first` on of the slice.
  void panel(const Block& block, std::int64_t first, int columns) const;
  void output(const Block& block, std::int64_t first, int columns, int width) const;
  void update(const Block& block, std::int64_t first, int columns, int width) const;

  DType dtype_;
  std::int64_t head_dim_;
  const simd::TileSet& set_;
  const LinearChunkLoops& loops_;
  std::int64_t element_, group_, word_;
  std::int64_t head_dim_padded_;  // to whole words
  Memory memory_;
};

}  // namespace ergon
