#include "kernels/attention/outputs.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/structure.h"
#include "kernels/devices/memory.h"

namespace ergon {

AttentionOutputs::AttentionOutputs(const Attention& workload, Device& device, std::size_t slots)
    : list_(structure_of(workload).outputs(workload)),
      stride_(bytes_per_slot(workload)),
      buffer_(device.allocate(stride_ * slots)),
      cold_(slots > 1) {
  std::size_t offset = 0;
  for (const NamedDesc& output : list_) {
    offsets_.push_back(offset);
    offset += (output.desc.span_bytes() + 63) / 64 * 64;
  }
}

void AttentionOutputs::reset(const Inputs& inputs, std::size_t slot) {
  const auto operands = inputs.operands();
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const auto is_this = [&](const NamedDesc& one) { return one.name == list_[i].name; };
    if (std::none_of(operands.begin(), operands.end(), is_this)) continue;
    const std::size_t bytes = list_[i].desc.span_bytes();
    std::memcpy(data(i, slot), inputs.data(list_[i].name, slot), bytes);
    if (cold_) evict(data(i, slot), bytes);
  }
}

std::vector<DeviceTensor> AttentionOutputs::tensors(std::size_t slot) {
  std::vector<DeviceTensor> tensors;
  for (std::size_t i = 0; i < list_.size(); ++i)
    tensors.push_back({list_[i].name, list_[i].desc, buffer_.get(), slot * stride_ + offsets_[i]});
  return tensors;
}

std::size_t AttentionOutputs::bytes_per_slot(const Attention& workload) {
  return slot_bytes(structure_of(workload).outputs(workload));
}

}  // namespace ergon
