// Linear attention by our own kernels.
//
//   decode    the recurrence, up to 4 tokens in one pass over the state
//             (native_linear_recurrence.h)
//   prefill   blocks of tokens as matrix products (native_linear_chunks.h); the recurrence where
//             there are no more tokens than a pass takes
//
// Threads share heads of sequences, and where these do not come out even, columns of v: each thread
// has columns of the state to itself, so results do not depend on the number of threads. The state
// is updated in the output, in place. Workspace: one for all slots, so a plan is for one stream at
// a time.
#pragma once

#include <memory>

#include "kernels/attention/attention.h"
#include "kernels/simd/isa.h"

namespace ergon {

std::unique_ptr<Plan> make_native_linear_plan(const Attention& workload, const Inputs& inputs,
                                              const Placement& placement, simd::Isa isa);
Footprint native_linear_footprint(const Attention& workload, const Placement& placement,
                                  simd::Isa isa);

}  // namespace ergon
