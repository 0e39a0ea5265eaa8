// Flash attention: blocks of keys pass over the queries that meet them, with an online softmax
// (simd/softmax.h), so that logits are never stored beyond a block (Dao et al., "FlashAttention",
// 2022). Keys are split among threads where queries alone are too few (Dao et al.,
// "Flash-Decoding", 2023).
//
//   queries in lanes   logits [keys][queries]: K is broadcast word by word, a column of logits is a
//                      query's, and O is kept transposed
//   keys in lanes      for up to a tile of rows of queries (decoding): logits [queries][keys], and
//                      blocks of keys and values are read as they come
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/attention/native_blocks.h"
#include "kernels/attention/native_cache.h"
#include "kernels/attention/native_split.h"

namespace ergon {

/// Queries that meet one head of keys of one sequence, and where their rows of o go.
class FlashRows {
 public:
  virtual ~FlashRows() = default;
  /// Rows first to first + count - 1 as what is multiplied, in whole words: where they lie, or put
  /// into `scratch`.
  virtual RowsInMemory queries(std::int64_t sequence, std::int64_t head, std::int64_t first,
                               std::int64_t count, std::byte* scratch) const = 0;
  virtual KeyRange seen(std::int64_t sequence, std::int64_t row) const = 0;
  /// Of a row's head; nullptr: none.
  virtual const float* sink(std::int64_t head, std::int64_t row) const = 0;
  /// Rows of o; `values` are dense.
  virtual void write(std::int64_t sequence, std::int64_t head, std::int64_t first,
                     std::int64_t count, const float* values, std::int64_t stride) const = 0;
  /// Where queries() reads and write() writes: those from `first` on that lie evenly. To be asked
  /// for ahead of use.
  virtual EvenRows read(std::int64_t sequence, std::int64_t head, std::int64_t first,
                        std::int64_t count) const = 0;
  virtual EvenRows written(std::int64_t sequence, std::int64_t head, std::int64_t first,
                           std::int64_t count) const = 0;
};

/// Block `index` of a head of keys; `scratch` is of the bytes that were asked for.
class FlashBlocks {
 public:
  virtual ~FlashBlocks() = default;
  virtual KvBlock block(std::int64_t sequence, std::int64_t head, std::int64_t index,
                        std::byte* scratch) const = 0;
};

struct FlashProblem {
  std::int64_t sequences = 1, heads = 1;  // of keys
  std::int64_t query_bytes = 0;           // of a row that FlashRows puts into scratch
  double scale = 1, soft_cap = 0;
};

/// Queries in lanes. `rows` is asked what is seen only; shape and layout outlive what is made.
class QueryFlash {
 public:
  virtual ~QueryFlash() = default;
  virtual void run(const FlashRows& rows, const FlashBlocks& blocks) = 0;
};
std::unique_ptr<QueryFlash> make_query_flash(const FlashProblem& problem, const NativeShape& shape,
                                             const KvBlocks& layout, const FlashRows& rows,
                                             std::int64_t block_scratch, int threads);

/// It allocates not more: scratch and partial results of all threads, and the lists of what each
/// does. `heads` of keys, of all sequences.
std::size_t query_flash_bytes(const NativeShape& shape, std::int64_t block_scratch,
                              std::int64_t heads, int threads);

/// Keys in lanes; `q_rows` queries meet a head of keys. A head's blocks, of `blocks` each, lie one
/// behind the other in the cache, those of its sequence's heads likewise.
class KeyFlash {
 public:
  virtual ~KeyFlash() = default;
  virtual void run(const FlashRows& rows, const std::byte* cache) = 0;
};
std::unique_ptr<KeyFlash> make_key_flash(const FlashProblem& problem, const KeyCache& cache,
                                         std::int64_t q_rows, std::int64_t blocks,
                                         const FlashRows& rows, simd::Isa isa, int threads);

inline constexpr float log2_e = 1.44269504088896F;

/// 1 / (the sum and the sink); 0 where nothing was seen.
inline float flash_divisor(float largest, float sum, const float* sink) {
  if (largest == -std::numeric_limits<float>::infinity()) return 0;
  return 1 / (sum + (sink == nullptr ? 0 : std::exp2(*sink * log2_e - largest)));
}

/// Places one behind the other, each on a cache line.
class Places {
 public:
  std::int64_t take(std::int64_t bytes) {
    const std::int64_t at = end_;
    end_ += rounded_up(bytes, 64);
    return at;
  }
  std::int64_t bytes() const { return rounded_up(end_, 4096); }

 private:
  std::int64_t end_ = 0;
};

}  // namespace ergon
