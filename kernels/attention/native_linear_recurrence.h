// The recurrence over slices, any number of tokens: in passes over the state.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/native_linear_loops.h"
#include "kernels/attention/native_linear_slice.h"

namespace ergon {

class LinearRecurrence {
 public:
  LinearRecurrence(const Attention& workload, simd::Isa isa);
  /// Of one thread.
  std::size_t workspace_bytes() const noexcept;
  void run(const LinearSlice& slice, std::byte* workspace) const;

 private:
  DType dtype_;
  std::int64_t head_dim_, row_;
  const LinearLoops& loops_;
};

}  // namespace ergon
