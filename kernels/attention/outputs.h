// The output tensors of each slot in host memory. One with an operand's name is a state: a call
// finds it there, and changes it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

class AttentionOutputs {
 public:
  AttentionOutputs(const Attention& workload, Device& device, std::size_t slots);
  std::byte* data(std::size_t output, std::size_t slot) {
    return buffer_->host() + slot * stride_ + offsets_[output];
  }
  /// Copies the operands that are states to the slot; out of the caches where there are several.
  void reset(const Inputs& inputs, std::size_t slot);
  std::size_t count() const noexcept { return list_.size(); }
  std::vector<DeviceTensor> tensors(std::size_t slot);
  static std::size_t bytes_per_slot(const Attention& workload);

 private:
  std::vector<NamedDesc> list_;
  std::vector<std::size_t> offsets_;
  std::size_t stride_;
  std::unique_ptr<Buffer> buffer_;
  bool cold_;
};

}  // namespace ergon
