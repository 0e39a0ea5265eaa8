// What the products of unfused attention, S = Q K^T and O = P V, are of, and the scores that lie
// between them.
//
// Scores are [q_heads, q_len, keys] of each sequence, one behind the other; `keys` are those that
// any of its queries sees, so a score may be of a query and a key that the query does not see.
#pragma once

#include "kernels/attention/whole_cache.h"

namespace ergon {

struct ScoreBlock : SequenceBlock {
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

/// The stages of a call: "gather" where there is one, "qk", "softmax", "pv"; their bytes are those
/// that move, scores, and weights of the type of what multiplies V, included.
std::vector<Stage> unfused_stages(const Attention& workload, const WholeCache& cache,
                                  DType weights);

}  // namespace ergon
