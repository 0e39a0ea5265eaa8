// The loops of a linear attention that are no matrix products, compiled once per instruction set.
//
// Their sources are compiled with the flags of one instruction set: they may be called only where
// cpu_info() has it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/isa.h"

namespace ergon {

/// Tokens that one pass over the state takes.
inline constexpr std::int64_t most_recurrent_tokens = 4;
/// Rows of v and o of a pass are whole multiples of it, in elements.
inline constexpr std::int64_t recurrent_columns = 16;

/// state = decay state + k^T v, o = q state, token by token.
struct RecurrenceCall {
  std::int64_t tokens = 0;
  std::int64_t head_dim = 0, columns = 0;
  float decay = 1;
  const float *q = nullptr, *k = nullptr;  // [tokens, head_dim]
  const float* v = nullptr;                // [tokens, row]
  float* o = nullptr;
  std::int64_t row = 0;
  float* state = nullptr;  // [head_dim, columns] at a stride
  std::int64_t state_row = 0;
};

/// to[r, i] = factors[r] * from[r, i], rounded to the type of both; zeros from width to padded.
struct FadeRowsCall {
  std::int64_t rows = 0, width = 0, padded = 0;
  const std::byte* from = nullptr;
  std::int64_t from_row = 0;  // bytes
  const float* factors = nullptr;
  std::byte* to = nullptr;
  std::int64_t to_row = 0;  // bytes
};

/// to[i] = factors[i] * scores[i], rounded; zeros from count to padded.
struct WeightsCall {
  std::int64_t count = 0, padded = 0;
  const float *scores = nullptr, *factors = nullptr;
  std::byte* to = nullptr;
};

/// Columns of a state as right words of a product (kernels/simd/tile.h), rounded; then
/// state *= decay.
struct StateWordsCall {
  std::int64_t rows = 0, columns = 0, width = 0;  // width: words of a group
  float decay = 1;
  float* state = nullptr;
  std::int64_t state_row = 0;
  std::byte* to = nullptr;
};

/// Of one type that is multiplied.
struct LinearChunkLoops {
  void (*fade_rows)(const FadeRowsCall&);
  void (*weights)(const WeightsCall&);
  void (*state_words)(const StateWordsCall&);
};
struct LinearLoops {
  void (*recurrence)(const RecurrenceCall&);
  LinearChunkLoops f32, bf16;
};
extern const LinearLoops linear_portable, linear_avx2, linear_avx512, linear_avx512_bf16;

/// The best within an instruction set.
const LinearLoops& linear_loops(simd::Isa isa) noexcept;

}  // namespace ergon
