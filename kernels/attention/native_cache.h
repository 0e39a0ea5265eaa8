// A cache whose keys lie in lanes: blocks of keys in the order in which decoding reads them, all of
// a block's keys, then its values, then scales, so that a head's cache is one stream. One form for
// each kind of element:
//
//   words    bf16 or f32, multiplied as they are (simd/tile.h)
//   halves   f16, or bf16 beside f32 queries, widened when loaded (simd/half_tiles.h)
//   codes    s8 beside bf16 queries, turned into bf16 in registers (simd/qtile.h), for more queries
//            than a tile takes a panel at a time, in the L1 cache; scales apart
//
// Keys come in panels of lanes, words of head_dim one behind the other; values in panels of
// columns, words of keys one behind the other. Keys that there are not, and elements beyond a
// width, are zeros.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include "kernels/attention/kv.h"
#include "kernels/attention/native_shape.h"

namespace ergon {

class KeyCache {
 public:
  virtual ~KeyCache() = default;
  virtual std::string instruction() const = 0;
  /// Queries to a head of keys that it is meant for: of words as many as a tile takes, since more
  /// read them faster in lanes of their own; of what is widened any number.
  virtual std::int64_t most_rows() const = 0;
  /// Keys of a block, and bytes.
  virtual std::int64_t block() const = 0;
  virtual std::int64_t bytes() const = 0;
  /// What weights are: bf16 or f32.
  virtual DType weights() const = 0;
  /// Columns of o, padded.
  virtual std::int64_t columns() const = 0;
  /// Of a block; nullptr: none.
  virtual const float* key_scale(const std::byte* block) const = 0;
  virtual const float* value_scale(const std::byte* block) const = 0;

  /// `count` tokens of a head from `first` on become keys `at`, at + 1, ... of a block, which was
  /// zeros before its first key. Tokens come in rising order, the last of them as often as may be:
  /// keys behind those that are put may become zeros.
  virtual void put(const KvRows& keys, const KvRows& values, std::int64_t sequence,
                   std::int64_t head, std::int64_t first, std::int64_t count, std::int64_t at,
                   std::byte* block) const = 0;

  virtual std::int64_t scratch_bytes(std::int64_t rows) const = 0;
  /// Rows of queries, as QueryRows gives them, as logits() reads them; `to` is of query_bytes().
  virtual std::int64_t query_bytes(std::int64_t rows) const = 0;
  virtual void arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const = 0;
  /// logits[r][key] of the block's first `count` keys, rows `stride` floats apart; lanes beyond
  /// `count` may be written up to a multiple of simd::softmax_lanes. `scratch` is of
  /// scratch_bytes(), here and below.
  virtual void logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
                      std::int64_t count, float* logits, std::int64_t stride,
                      std::byte* scratch) const = 0;
  /// o[r][column] += sum over keys of weights[r][key] value[key][column]. Rows of weights are of
  /// block() elements, `stride` bytes apart, zeros from `count` on; of o, columns() floats.
  virtual void add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                          std::int64_t rows, std::int64_t count, float* o,
                          std::byte* scratch) const = 0;
};

inline constexpr std::int64_t any_rows = std::numeric_limits<std::int64_t>::max();

/// How far ahead of use a line of the cache is asked for: bytes.
inline constexpr std::int64_t cache_ahead = 8192;
/// At least as many bytes lie between the caches of two slots as are asked for beyond an end: a
/// cold slot is not to find its first lines in the processor's caches.
inline constexpr std::int64_t cache_gap = 16384;

/// The form for a workload's types.
std::unique_ptr<KeyCache> make_key_cache(const Attention& workload, simd::Isa isa);
std::unique_ptr<KeyCache> make_word_cache(const Attention& workload, simd::Isa isa);
std::unique_ptr<KeyCache> make_half_cache(const Attention& workload, simd::Isa isa);
std::unique_ptr<KeyCache> make_code_cache(const Attention& workload, simd::Isa isa);

}  // namespace ergon
