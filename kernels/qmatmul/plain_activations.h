// Activations as the plain numbers that a library multiplies.
#pragma once

#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

/// All of x, times its scales where it has some, in f32, and rounded to bf16 from there. `type` is
/// f32 or bf16, and not x's own.
void convert_activations(const QMatmul& workload, const Inputs& inputs, std::size_t slot,
                         DType type, int threads, std::byte* to);

}  // namespace ergon
