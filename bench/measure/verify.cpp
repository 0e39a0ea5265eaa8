#include "bench/measure/verify.h"

#include <cstring>
#include <vector>

#include "kernels/fill.h"

namespace ergon::measure {
namespace {

using Bytes = std::vector<std::byte>;

void poison(Device& device, const DeviceTensor& tensor) {
  const Bytes bytes(tensor.desc.span_bytes(), poison_byte(tensor.desc.dtype));
  device.upload(*tensor.buffer, tensor.offset, bytes.data(), bytes.size());
}

Bytes fetch(Device& device, const DeviceTensor& tensor) {
  Bytes bytes(tensor.desc.span_bytes());
  device.download(bytes.data(), *tensor.buffer, tensor.offset, bytes.size());
  return bytes;
}

// Marks the bytes of the tensor that belong to an element; the rest is padding.
std::vector<bool> element_bytes(const TensorDesc& desc) {
  std::vector<bool> owned(desc.span_bytes(), false);
  const std::size_t width = size_of(desc.dtype);
  std::vector<std::int64_t> index(desc.sizes.size(), 0);
  for (std::int64_t left = desc.elements(); left > 0; --left) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * desc.strides[d];
    const auto at = static_cast<std::size_t>(offset) * width;
    for (std::size_t b = 0; b < width; ++b) owned[at + b] = true;
    for (std::size_t d = index.size(); d-- > 0;) {
      if (++index[d] < desc.sizes[d]) break;
      index[d] = 0;
    }
  }
  return owned;
}

bool is_padded(const TensorDesc& desc) {
  return static_cast<std::size_t>(desc.elements()) * size_of(desc.dtype) != desc.span_bytes();
}

bool padding_kept(const TensorDesc& desc, const Bytes& before, const Bytes& after) {
  if (!is_padded(desc)) return true;
  const auto owned = element_bytes(desc);
  for (std::size_t i = 0; i < owned.size(); ++i)
    if (!owned[i] && before[i] != after[i]) return false;
  return true;
}

}  // namespace

Accuracy check_one_call(Timed& timed, const Oracle& oracle, std::size_t slot) {
  Device& device = timed.device();
  const auto tensors = timed.plan().outputs(slot);
  for (const auto& tensor : tensors) poison(device, tensor);
  timed.plan().reset(slot);
  std::vector<Bytes> before;
  for (const auto& tensor : tensors) before.push_back(fetch(device, tensor));

  timed.plan().activate();
  timed.call_once(slot);

  std::vector<Bytes> after;
  std::vector<HostTensor> outputs;
  for (const auto& tensor : tensors) after.push_back(fetch(device, tensor));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    outputs.push_back({tensors[i].name, tensors[i].desc, after[i].data()});

  Accuracy accuracy = oracle.check(outputs);
  for (std::size_t i = 0; i < tensors.size() && !accuracy.mismatch; ++i)
    if (!padding_kept(tensors[i].desc, before[i], after[i]))
      accuracy.mismatch = tensors[i].name + ": bytes between its rows were overwritten";
  return accuracy;
}

}  // namespace ergon::measure
