// Products of bf16 with quantized weights by oneDNN's matmul primitive, which decodes the weights
// within the call: w8a16 and w4a16.
//
// pack    once: codes into the layout that the primitive asks for; scales and zero points, which
//         lie [n, groups], as the [groups, n] that it reads. Symmetric codes of 4 bits, 0 to 15
//         less 8, become s4 by their upper bit
// matmul  the product
//
// Scales of a group come into the weights before they are multiplied, and its fast kernels round
// the result to bf16: Y is of the plain arithmetic. Those of an output come into the sums: Y is of
// the format's own.
//
// From oneDNN 3.5 on; 3.4 had such products of s8 in its reference loops alone. A version that has
// only those for a problem is not refused: the plan's detail says so. Source: oneDNN developer
// guide, "Matrix Multiplication" (weights decompression) and "Quantization"; src/cpu/x64/matmul.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kernels/kernel.h"
#include "kernels/qmatmul/qmatmul.h"

namespace ergon::onednn {

/// Why this library does not multiply by such weights; nothing where it does. `activations` of the
/// format are bf16.
std::optional<std::string> refuse_decoding(const QMatmul& workload);
Footprint decoding_footprint(const QMatmul& workload, const Placement& placement);
std::unique_ptr<Plan> make_decoding_plan(const QMatmul& workload, const Inputs& inputs,
                                         const Placement& placement);

}  // namespace ergon::onednn
