// ggml_flash_attn_ext: what it is given here, and in what arithmetic it computes.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/dtype.h"
#include "kernels/ggml/processor.h"

namespace ergon::ggml {

/// Sequences with the same number of keys. Sizes as ggml has them, innermost first.
struct AttentionOperands {
  ggml_tensor* q = nullptr;      // f32 [head_dim, queries, heads of queries, sequences]
  ggml_tensor* k = nullptr;      // [head_dim, keys, heads of keys, sequences]
  ggml_tensor* v = nullptr;      // [v_head_dim, keys, heads of keys, sequences]
  ggml_tensor* mask = nullptr;   // f16 [keys, mask_rows(queries)], added to logits; nullptr: none
  ggml_tensor* sinks = nullptr;  // f32 [heads of queries]; nullptr: none
  double scale = 1, soft_cap = 0;
};

/// f32 [v_head_dim, heads of queries, queries, sequences]. Queries that see nothing give zeros.
ggml_tensor* attention(ggml_context* context, const AttentionOperands& operands);

/// Older versions want more than there are queries.
std::int64_t mask_rows(std::int64_t queries) noexcept;

/// Nothing where it does not have the type.
std::optional<ggml_type> cache_type(DType dtype) noexcept;

/// Its code for few queries is another than that for many, and of each cache type.
struct AttentionArithmetic {
  bool keeps_queries = false;  // multiplies f32 queries as they are, not rounded to the keys' type
  bool sums_in_f32 = false;    // weighted values; else in their own type
};
/// Tried out.
AttentionArithmetic attention_arithmetic(DType cache, std::int64_t head_dim,
                                         std::int64_t v_head_dim, std::int64_t queries);

}  // namespace ergon::ggml
