// K and V for libraries that take strides and know no pages: read where the inputs hold them; the
// pages of a paged cache are first copied together, in a stage "gather" of each call, into buffers
// that serve all slots. Only keys that some query of a sequence sees (a window's, in decode).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

/// Sequences one behind the other whose queries see keys of the same numbers.
struct SequenceBlock {
  std::int64_t sequence = 0, sequences = 1;
  KeyRange keys;
};
std::vector<SequenceBlock> blocks_of_equal_keys(const Attention& workload);

class WholeCache {
 public:
  WholeCache(const Attention& workload, const Inputs& inputs, Device& device);
  /// Of the copies.
  static std::size_t bytes(const Attention& workload);
  /// Of the keys or values that are seen.
  static double seen_bytes(const Attention& workload, bool values);

  /// Whether there is a stage "gather".
  bool gathers() const noexcept { return workload_.paged(); }
  void gather(std::size_t slot, int threads);
  Stage gather_stage() const;
  /// The first key that is seen, head 0; heads lie their width apart, keys kv_heads times that.
  const std::byte* first(std::int64_t sequence, std::size_t slot, bool values) const;
  /// Elements from one sequence to the next, within a block.
  static std::int64_t sequence_step(const Attention& workload, const SequenceBlock& block,
                                    bool values);

 private:
  const Attention workload_;
  const Inputs& inputs_;
  std::vector<std::int64_t> places_;   // of sequences in the copies, in keys
  std::unique_ptr<Buffer> copies_[2];  // of k and of v
};

}  // namespace ergon
