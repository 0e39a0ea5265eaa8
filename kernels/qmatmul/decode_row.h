// Weights as plain numbers, for libraries that multiply nothing else: what format.h's dequantize()
// tells element by element, fast.
#pragma once

#include "kernels/qmatmul/format.h"
#include "kernels/simd/isa.h"

namespace ergon {

/// Rows [first, first + rows), dense [rows, k] of f32 or bf16: computed in f32, and rounded to bf16
/// from there. On one thread, with the instructions of `isa`.
void decode_rows(const WeightLayout& layout, const Weights& from, std::int64_t first,
                 std::int64_t rows, DType type, simd::Isa isa, std::byte* to);

}  // namespace ergon
