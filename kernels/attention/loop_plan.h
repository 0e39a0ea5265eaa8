// An attention that is one stage: our own loops on the CPU over inputs read in place.
#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "kernels/attention/attention.h"

namespace ergon {

struct AttentionLoop {
  /// Reads the inputs' slot, writes the structure's outputs with up to `threads` threads. A state
  /// is updated in the outputs, where AttentionOutputs::reset() has put it.
  void (*call)(const Attention& workload, const Inputs& inputs, std::size_t slot,
               std::span<std::byte* const> outputs, int threads);
  /// Bytes that a call allocates at most.
  std::size_t (*scratch_bytes)(const Attention& workload, int threads);
};

/// In the order of Structure; each takes every workload of its structure.
struct AttentionLoops {
  AttentionLoop softmax, mla, sparse, linear;
};

/// Of elements of Real, each of up to `threads` threads that share `tasks` having `of_a_thread`.
template <class Real>
std::size_t scratch_of_threads(std::int64_t threads, std::int64_t tasks, std::int64_t of_a_thread) {
  return static_cast<std::size_t>(std::min(threads, tasks) * of_a_thread) * sizeof(Real);
}

std::unique_ptr<Implementation> make_attention_loops(ImplementationInfo info,
                                                     const AttentionLoops& loops);

}  // namespace ergon
