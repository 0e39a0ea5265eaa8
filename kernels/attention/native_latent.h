// Latent attention by our own loops: the plans.
#pragma once

#include <memory>

#include "kernels/attention/native_softmax.h"

namespace ergon {

/// The softmax attention over latents that absorbed heads are: one head of keys, kv_lora_rank +
/// rope_head_dim wide, whose first kv_lora_rank elements are its values; queries and outputs of the
/// type that is multiplied.
Attention absorbed(const Attention& workload);

// mla in prefill: expanded.
Footprint expanded_plan_footprint(const Attention& workload, const Placement& placement,
                                  simd::Isa isa);
std::unique_ptr<Plan> make_expanded_plan(const Attention& workload, const Inputs& inputs,
                                         const Placement& placement, simd::Isa isa);

// mla in decode: absorbed.
Footprint absorbed_plan_footprint(const Attention& workload, const Placement& placement,
                                  simd::Isa isa);
std::unique_ptr<Plan> make_absorbed_plan(const Attention& workload, const Inputs& inputs,
                                         const Placement& placement, simd::Isa isa);

// sparse
Footprint sparse_plan_footprint(const Attention& workload, const Placement& placement,
                                simd::Isa isa);
std::unique_ptr<Plan> make_sparse_plan(const Attention& workload, const Inputs& inputs,
                                       const Placement& placement, simd::Isa isa);

}  // namespace ergon
