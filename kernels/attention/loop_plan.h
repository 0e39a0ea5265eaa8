// An attention that is one stage: our own loops on the CPU over inputs read in place.
#pragma once

#include <memory>
#include <span>

#include "kernels/attention/attention.h"

namespace ergon {

/// One call: reads the inputs' slot, writes the structure's outputs with up to `threads` threads. A
/// state is updated in the outputs, where AttentionOutputs::reset() has put it.
using AttentionLoop = void (*)(const Attention& workload, const Inputs& inputs, std::size_t slot,
                               std::span<std::byte* const> outputs, int threads);

/// In the order of Structure; each takes every workload of its structure.
struct AttentionLoops {
  AttentionLoop softmax = nullptr;
  AttentionLoop mla = nullptr;
  AttentionLoop sparse = nullptr;
  AttentionLoop linear = nullptr;
};

std::unique_ptr<Implementation> make_attention_loops(ImplementationInfo info,
                                                     const AttentionLoops& loops);

}  // namespace ergon
