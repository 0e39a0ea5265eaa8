// What the products of unfused attention, S = Q K^T and O = P V, are of, and the scores that lie
// between them.
//
// Scores are [q_heads, q_len, keys] of each sequence, one behind the other; `keys` are those that
// any of its queries sees (a window's, in decode), so a score may be of a query and a key that the
// query does not see. K and V are read where the inputs hold them; the pages of a paged cache are
// first copied together, in a stage "gather" of each call. Buffers serve all slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/kernel.h"

namespace ergon {

/// Sequences one behind the other whose queries see keys of the same numbers.
struct ScoreBlock {
  std::int64_t sequence = 0, sequences = 1;
  KeyRange keys;
  std::int64_t first = 0;  // score
};

class ScoreLayout {
 public:
  explicit ScoreLayout(const Attention& workload);
  const std::vector<ScoreBlock>& blocks() const noexcept { return blocks_; }
  const ScoreBlock& block_of(std::int64_t sequence) const;
  std::int64_t elements() const noexcept { return elements_; }
  /// Of a query; they are as many as the block's keys.
  std::int64_t first(std::int64_t sequence, std::int64_t head, std::int64_t query) const;

 private:
  std::int64_t q_heads_, q_len_, elements_ = 0;
  std::vector<ScoreBlock> blocks_;
};

/// Rows of a product: the queries of one head, or the heads of a group at one query, whichever are
/// more; the products of a group, `others` of them, share keys and values.
struct ProductRows {
  explicit ProductRows(const Attention& workload);
  /// From one row, and one product of a group, to the next.
  struct Steps {
    std::int64_t row, other;
  };
  std::int64_t rows, others;
  Steps of_tokens;  // rows of q and o
  Steps of_scores;  // rows of scores
};

/// K and V as the products take them.
class UnfusedCache {
 public:
  UnfusedCache(const Attention& workload, const Inputs& inputs, Device& device);
  static std::size_t bytes(const Attention& workload);

  /// Whether there is a stage "gather".
  bool gathers() const noexcept { return workload_.paged(); }
  void gather(std::size_t slot, int threads);
  Work gather_work() const;
  /// The first key that is seen, head 0; heads lie `width` elements apart, keys kv_heads * width.
  const std::byte* first(std::int64_t sequence, std::size_t slot, bool values) const;
  /// Elements from one sequence to the next, within a block.
  static std::int64_t sequence_step(const Attention& workload, const ScoreBlock& block,
                                    bool values);

 private:
  const Attention workload_;
  const Inputs& inputs_;
  std::vector<std::int64_t> places_;   // of sequences in the copies, in keys
  std::unique_ptr<Buffer> copies_[2];  // of k and of v
};

/// The stages of a call: "gather" where there is one, "qk", "softmax", "pv"; their bytes are those
/// that move, scores of `weight` as the type of what multiplies V included.
std::vector<Stage> unfused_stages(const Attention& workload, const UnfusedCache& cache,
                                  DType weights);

}  // namespace ergon
