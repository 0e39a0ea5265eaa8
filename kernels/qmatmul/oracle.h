// What a quantized product must hold, and what quantizing has cost.
//
// Expected values are float64 products of the weights as they are stored and of the activations as
// the format multiplies them ("y"), or as they are given ("y_plain").
#pragma once

#include <memory>

#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

/// Copies what it needs of slot 0. check() throws std::invalid_argument for outputs that are not
/// one tensor of Y's type and sizes, with one of the two names.
std::unique_ptr<Oracle> make_qmatmul_oracle(const QMatmul& workload, const Inputs& inputs);

}  // namespace ergon
