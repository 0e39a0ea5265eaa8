// What a GEMM's C must hold.
//
// Expected values are float64, or exact integers; the tolerance is calibrate.h's. Every element is
// compared where 2 m n k batch is at most 4e9 (f64: 1e9) and C has at most 2^24 elements; otherwise
// samples and random vectors stand for all (sampled.cpp says what they find and what they do not).
// Padding between the rows of C is not looked at.
#pragma once

#include <memory>

#include "kernels/gemm/gemm.h"

namespace ergon {

enum class Coverage { by_size, whole, sampled };

/// Copies what it needs of slot 0: the inputs may be refilled afterwards. Coverage other than
/// by_size is for tests of the sampling itself. check() throws std::invalid_argument for outputs
/// that are not one tensor of C's type and sizes.
std::unique_ptr<Oracle> make_gemm_oracle(const Gemm& gemm, const Inputs& inputs,
                                         Coverage coverage = Coverage::by_size);

}  // namespace ergon
