// The loops over the blocks of a native product: one nest for every dtype, instruction set and
// packing.
//
// Sums of a tile stay in registers over a block of k, and between blocks in memory of their own, so
// that C is written once, rounded once, and its layout costs nothing in between. Every element of C
// is summed in the same order whichever thread does it: results depend on the number of threads
// only through the panels that rows are cut into, and not at all in the order of arrival.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/devices/device.h"
#include "kernels/gemm/native_blocking.h"
#include "kernels/gemm/native_shape.h"

namespace ergon {

/// A side packed as a whole: blocks of k, in them panels, in them groups of words.
struct NativePacked {
  std::byte* words = nullptr;
  std::byte* column_sums =
      nullptr;  // what the left shift makes of them, by k block and padded column; s32
};

class NativeLoop {
 public:
  NativeLoop(const NativeShape& shape, const simd::TileSet& set, NativePacking packing,
             int threads);

  const NativeBlocking& blocking() const noexcept { return blocking_; }
  /// Of the weights, packed once; 64-byte multiples.
  std::size_t packed_bytes() const noexcept;
  /// Of all threads' blocks and sums.
  std::size_t workspace_bytes() const noexcept;

  /// Packs the weights at `from` (of batch 0; all of them) into `to`.
  void pack_once(const std::byte* from, std::byte* to) const;
  /// One call. `packed` is nullptr where weights are packed per call.
  void run(const std::byte* left, const std::byte* right, const std::byte* packed, std::byte* c,
           std::byte* workspace) const;

 private:
  struct Part;
  struct Block;
  std::size_t words_bytes() const noexcept;
  std::size_t left_block_bytes() const noexcept;
  std::size_t right_block_bytes() const noexcept;
  std::size_t sums_bytes() const noexcept;
  std::size_t part_bytes() const noexcept;
  bool writes_c() const noexcept;
  NativePacked packed_at(std::byte* memory, std::int64_t batch) const noexcept;

  void pack_rows(const std::byte* from, std::int64_t panel, std::int64_t k_block,
                 std::byte* to) const;
  void pack_columns(const std::byte* from, std::int64_t panel, std::int64_t k_block, std::byte* to,
                    std::byte* sums) const;
  void run_part(int part, const std::byte* left, const std::byte* right, const std::byte* packed,
                std::byte* c, std::byte* workspace) const;
  void run_block(const Block& block) const;

  NativeShape shape_;
  const simd::TileSet& set_;
  NativePacking packing_;
  NativeBlocking blocking_;
};

}  // namespace ergon
