// Attention: what every structure of it shares, and the description of one problem.
//
//   softmax   O = softmax(scale Q K^T + mask) V, heads of queries in groups over heads of keys
//   mla       the same with the keys and values of all heads made of one latent vector per token
//   sparse    over the latents of the top_k tokens that an indexer scores highest
//   linear    o = q S, S = decay S + k^T v token by token: a state instead of a cache
//
// Each is one file of rules (structure.h), whose header says what it computes and holds.
//
// Query i of a sequence of `length` keys stands at position length - q_len + i; it sees the keys
// up to its own position where `causal`, of those the last `window` where there is one, and all
// keys of its sequence otherwise. So a prefill of q_len = kv_len starts at position 0, a chunk ends
// where the keys end, and queries before position 0 (of a sequence shorter than q_len) see nothing.
// A query that sees nothing has an output of zeros, by definition.
//
// Memory that belongs to no key (a sequence's end in a batch, the rest of a page, pages in no
// table) holds NaN: an implementation that reads it shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/kernel.h"

namespace ergon {

/// In the order of the field's choices.
enum class Structure : std::uint8_t { softmax, mla, sparse, linear };
enum class Phase : std::uint8_t { prefill, decode };
/// Keys of the sequences of a batch.
///   equal   kv_len each
///   spread  from kv_len down to about half of it, in equal steps
enum class Lengths : std::uint8_t { equal, spread };

/// Keys first to end - 1; nothing where end <= first.
struct KeyRange {
  std::int64_t first = 0, end = 0;
  std::int64_t size() const noexcept { return end > first ? end - first : 0; }
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

class Attention final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "attention"; }
  std::vector<Field> fields() const override;
  TypeNames dtypes() const noexcept override;
  Work work() const noexcept override;
  std::optional<double> kv_bytes_per_token() const noexcept override;
  std::optional<double> full_square_flops() const noexcept override;
  double distinct_bytes() const noexcept override;
  bool streams_weights() const noexcept override { return phase == Phase::decode; }

  /// Keys of sequence `sequence`.
  std::int64_t length(std::int64_t sequence) const noexcept;
  /// That a query of a sequence sees.
  KeyRange keys(std::int64_t sequence, std::int64_t query) const noexcept;
  /// That any query of a sequence sees.
  KeyRange keys(std::int64_t sequence) const noexcept;
  /// Sum of keys(...).size() over all sequences and queries: of one head.
  double pairs() const noexcept;
  bool paged() const noexcept { return page > 0; }
  /// Heads of queries that share one of keys.
  std::int64_t group() const noexcept { return q_heads / kv_heads; }
  /// Of mla: elements of a query that meet the latent, and of a latent with its positional part.
  std::int64_t nope_head_dim() const noexcept { return head_dim - rope_head_dim; }
  std::int64_t latent_dim() const noexcept { return kv_lora_rank + rope_head_dim; }
  /// What a key or value element becomes when it is multiplied.
  DType product_dtype() const noexcept;

  Structure structure = Structure::softmax;
  Phase phase = Phase::prefill;
  std::int64_t batch = 1, q_heads = 1, kv_heads = 1, head_dim = 1, v_head_dim = 1;
  std::int64_t q_len = 1, kv_len = 1;
  Lengths lengths = Lengths::equal;
  bool causal = true;
  std::int64_t window = 0;  // 0: none
  bool sinks = false;
  double soft_cap = 0;  // 0: none
  double scale = 1;
  std::int64_t page = 0;  // keys of a page; 0: a sequence's keys lie one behind the other
  std::int64_t kv_lora_rank = 512, rope_head_dim = 64;                // mla, sparse
  std::int64_t index_heads = 64, index_head_dim = 128, top_k = 2048;  // sparse
  DType dtype = DType::f32, kv_dtype = DType::f32;
};

const Family& attention_family();

}  // namespace ergon
