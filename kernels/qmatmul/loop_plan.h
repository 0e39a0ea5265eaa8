// A quantized product that is one stage: our own loops on the CPU over inputs read in place.
#pragma once

#include <functional>
#include <memory>

#include "kernels/qmatmul/qmatmul.h"

namespace ergon {

/// One call: reads the inputs' slot, writes Y with up to `threads` threads.
using QMatmulLoop = std::function<void(const QMatmul& workload, const Inputs& inputs,
                                       std::size_t slot, std::byte* y, int threads)>;

/// Takes every qmatmul; Y is of the format's own arithmetic.
std::unique_ptr<Implementation> make_qmatmul_loop(ImplementationInfo info, QMatmulLoop loop);

}  // namespace ergon
