// A row of scores made weights by our own loops, compiled once per instruction set.
//
// Their sources are compiled with the flags of one instruction set: they may be called only where
// cpu_info() has it, and include nothing that other sources share (the linker keeps one copy of an
// inline function, perhaps theirs).
#pragma once

#include <cstdint>

namespace ergon {

/// weights[i] = exp(x[i]) / (sum of all exp(x) + exp(sink)), where x is a score, or
/// soft_cap tanh(score / soft_cap).
struct SoftmaxRowCall {
  float* scores = nullptr;  // overwritten
  std::int64_t count = 0;   // at least 1
  float soft_cap = 0;       // 0: none
  const float* sink = nullptr;
  /// Where weights go as bf16; nullptr: they take the place of the scores.
  std::uint16_t* rounded = nullptr;
};
using SoftmaxRow = void (*)(const SoftmaxRowCall&);

void softmax_row_portable(const SoftmaxRowCall& call);
void softmax_row_avx2(const SoftmaxRowCall& call);
void softmax_row_avx512(const SoftmaxRowCall& call);

}  // namespace ergon
