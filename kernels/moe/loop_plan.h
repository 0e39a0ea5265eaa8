// A grouped product that is one stage: our own loops on the CPU over inputs read in place.
#pragma once

#include <functional>
#include <memory>

#include "kernels/moe/moe.h"

namespace ergon {

/// One call: reads the inputs' slot, writes Y with up to `threads` threads.
using MoeLoop = std::function<void(const Moe& workload, const Inputs& inputs, std::size_t slot,
                                   std::byte* y, int threads)>;

/// Takes every moe; Y is of the format's own arithmetic.
std::unique_ptr<Implementation> make_moe_loop(ImplementationInfo info, MoeLoop loop);

}  // namespace ergon
