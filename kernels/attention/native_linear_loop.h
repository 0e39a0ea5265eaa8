// The loops of native_linear_loops.h over vectors as wide as the instruction set's; NEON's are the
// portable ones.
#pragma once

#include <cstring>

#include "kernels/attention/native_linear_loops.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"

namespace ergon {
namespace {

using simd::Bf16Bits;
using simd::rounded;
using simd::unrolled;
using simd::widened;

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr std::int64_t lanes = vector_bytes / 4;
typedef float Vector __attribute__((vector_size(vector_bytes)));

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int registers = 32;
#else
constexpr int registers = 16;
#endif

/// A state is one stream: it is asked for in the second-level cache this far ahead, into the next
/// head's.
constexpr std::int64_t ahead_bytes = 4096;

/// Vectors of a row that stay in registers: o and v of each token, and the state's.
constexpr int vectors_for(int tokens) {
  int vectors = 8;
  while (vectors > 1 && (2 * tokens + 1) * vectors > registers - 2) vectors /= 2;
  return vectors;
}

/// `some`: only that many columns of the one vector.
template <int tokens, int vectors, bool some>
void recur(const RecurrenceCall& given, std::int64_t first, std::int64_t columns) {
  const RecurrenceCall call = given;
  const std::size_t bytes =
      some ? static_cast<std::size_t>(columns) * sizeof(float) : sizeof(Vector);
  Vector v[tokens][vectors], o[tokens][vectors] = {};
  unrolled<tokens>([&](auto t) ERGON_INLINE {
    unrolled<vectors>([&](auto i) ERGON_INLINE {
      std::memcpy(&v[t][i], call.v + t * call.row + first + i * lanes, sizeof(Vector));
    });
  });
  float* state = call.state + first;
  for (std::int64_t d = 0; d < call.head_dim; ++d, state += call.state_row) {
    Vector s[vectors] = {};
    unrolled<vectors>([&](auto i) ERGON_INLINE {
      float* at = state + i * lanes;
      __builtin_prefetch(reinterpret_cast<const char*>(at) + ahead_bytes, 1, 2);
      std::memcpy(&s[i], at, bytes);
    });
    unrolled<tokens>([&](auto t) ERGON_INLINE {
      const float k = call.k[t * call.head_dim + d], q = call.q[t * call.head_dim + d];
      unrolled<vectors>([&](auto i) ERGON_INLINE {
        s[i] = s[i] * call.decay + v[t][i] * k;
        o[t][i] += s[i] * q;
      });
    });
    unrolled<vectors>([&](auto i) ERGON_INLINE { std::memcpy(state + i * lanes, &s[i], bytes); });
  }
  unrolled<tokens>([&](auto t) ERGON_INLINE {
    unrolled<vectors>([&](auto i) ERGON_INLINE {
      std::memcpy(call.o + t * call.row + first + i * lanes, &o[t][i], sizeof(Vector));
    });
  });
}

template <int tokens>
void recur_all(const RecurrenceCall& call) {
  constexpr int vectors = vectors_for(tokens);
  std::int64_t first = 0;
  for (; first + vectors * lanes <= call.columns; first += vectors * lanes)
    recur<tokens, vectors, false>(call, first, 0);
  for (; first + lanes <= call.columns; first += lanes) recur<tokens, 1, false>(call, first, 0);
  if (first < call.columns) recur<tokens, 1, true>(call, first, call.columns - first);
}

void recurrence(const RecurrenceCall& call) {
  constexpr void (*by_tokens[most_recurrent_tokens])(const RecurrenceCall&) = {
      recur_all<1>, recur_all<2>, recur_all<3>, recur_all<4>};
  by_tokens[call.tokens - 1](call);
}

template <class Number>
void fade_rows(const FadeRowsCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    const auto* from = reinterpret_cast<const Number*>(call.from + r * call.from_row);
    auto* __restrict to = reinterpret_cast<Number*>(call.to + r * call.to_row);
    const float factor = call.factors[r];
    for (std::int64_t i = 0; i < call.width; ++i)
      to[i] = rounded<Number>(factor * widened(from[i]));
    for (std::int64_t i = call.width; i < call.padded; ++i) to[i] = {};
  }
}

template <class Number>
void weights(const WeightsCall& call) {
  auto* __restrict to = reinterpret_cast<Number*>(call.to);
  for (std::int64_t i = 0; i < call.count; ++i)
    to[i] = rounded<Number>(call.factors[i] * call.scores[i]);
  for (std::int64_t i = call.count; i < call.padded; ++i) to[i] = {};
}

void state_words_f32(const StateWordsCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    float* __restrict from = call.state + r * call.state_row;
    auto* __restrict to = reinterpret_cast<float*>(call.to) + r * call.width;
    for (std::int64_t c = 0; c < call.columns; ++c) {
      to[c] = from[c];
      from[c] *= call.decay;
    }
    for (std::int64_t c = call.columns; c < call.width; ++c) to[c] = 0;
  }
}

void state_words_bf16(const StateWordsCall& call) {
  const auto bits = [](float value) {
    return static_cast<std::uint32_t>(rounded<Bf16Bits>(value).bits);
  };
  auto* __restrict to = reinterpret_cast<std::uint32_t*>(call.to);
  for (std::int64_t r = 0; r < call.rows; r += 2, to += call.width) {
    float* __restrict low = call.state + r * call.state_row;
    if (r + 1 < call.rows) {
      float* __restrict high = low + call.state_row;
      for (std::int64_t c = 0; c < call.columns; ++c) {
        to[c] = bits(low[c]) | bits(high[c]) << 16;
        low[c] *= call.decay;
        high[c] *= call.decay;
      }
    } else {
      for (std::int64_t c = 0; c < call.columns; ++c) {
        to[c] = bits(low[c]);
        low[c] *= call.decay;
      }
    }
    for (std::int64_t c = call.columns; c < call.width; ++c) to[c] = 0;
  }
}

constexpr LinearLoops loops() {
  return {recurrence,
          {fade_rows<float>, weights<float>, state_words_f32},
          {fade_rows<Bf16Bits>, weights<Bf16Bits>, state_words_bf16}};
}

}  // namespace
}  // namespace ergon
