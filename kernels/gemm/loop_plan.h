// A GEMM implementation that is one stage: our own loops on the CPU over inputs read in place.
#pragma once

#include <functional>
#include <memory>

#include "kernels/gemm/gemm.h"

namespace ergon {

/// One call: reads the inputs' slot, writes C with up to `threads` threads.
using GemmLoop = std::function<void(const Gemm& gemm, const Inputs& inputs, std::size_t slot,
                                    std::byte* c, int threads)>;

/// Takes every gemm.
std::unique_ptr<Implementation> make_loop_implementation(ImplementationInfo info, GemmLoop loop);

}  // namespace ergon
