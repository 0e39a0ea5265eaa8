// The softmax sets by name; which of them a build holds depends on its processor architecture.
#pragma once

#include "kernels/simd/softmax.h"

namespace ergon::simd {

extern const SoftmaxSet portable_softmax_f32, portable_softmax_bf16;
extern const SoftmaxSet avx2_softmax_f32, avx2_softmax_bf16;
extern const SoftmaxSet avx512_softmax_f32, avx512_softmax_bf16, avx512_softmax_bf16_pairs;

}  // namespace ergon::simd
