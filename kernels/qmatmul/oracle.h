// What a quantized product must hold, and what quantizing has cost.
//
// Expected values are float64 products of the weights as they are stored and of the activations as
// the format multiplies them ("y"), or as they are given ("y_plain"). Tolerance and coverage are
// those of a plain f32 GEMM of these operands (gemm/oracle.h), W in parts where it is large.
// "y_plain" is allowed besides what rounding both operands to bf16 does.
//
// An f32 output tells the two apart. In a bf16 output the tolerance of one element is 3 % of the
// values, more than quantizing activations or rounding weights changes.
#pragma once

#include <memory>

#include "kernels/gemm/oracle.h"
#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

struct QMatmulChecks {
  Coverage coverage = Coverage::by_size;  // others are for tests of the sampling
  /// Dequantized in float64 at a time: half a gigabyte.
  std::int64_t most_weights = std::int64_t{1} << 26;
};

/// Copies what it needs of slot 0. check() throws std::invalid_argument for outputs that are not
/// one tensor of Y's type and sizes, with one of the two names. The loss of quantizing is that of
/// up to 32 x 256 elements against values drawn from the inputs' seed: other values, put in since,
/// make it meaningless.
std::unique_ptr<Oracle> make_qmatmul_oracle(const QMatmul& workload, const Inputs& inputs,
                                            const QMatmulChecks& checks = {});

/// Of parts of one output, as one: errors relative to a norm are averaged as squares, by elements.
/// The first mismatch counts; the reference is the last part's.
Accuracy merged(std::span<const Accuracy> parts);

}  // namespace ergon
