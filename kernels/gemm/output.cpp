#include <cstring>

#include "kernels/devices/memory.h"
#include "kernels/gemm/gemm.h"

namespace ergon {
namespace {

constexpr std::size_t page = 4096;

std::size_t rounded(std::size_t bytes) { return (bytes + page - 1) / page * page; }

}  // namespace

std::size_t GemmOutput::bytes_per_slot(const Gemm& gemm) {
  return rounded(gemm.desc(gemm.c(), gemm.types.output).span_bytes());
}

GemmOutput::GemmOutput(const Gemm& gemm, const Inputs& inputs, Device& device, std::size_t slots)
    : gemm_(gemm),
      inputs_(inputs),
      buffer_(device.allocate(bytes_per_slot(gemm) * slots)),
      stride_(bytes_per_slot(gemm)),
      cold_(slots > 1) {}

std::byte* GemmOutput::data(std::size_t slot) { return buffer_->host() + slot * stride_; }

void GemmOutput::reset(std::size_t slot) {
  if (gemm_.beta == 0) return;
  const HostTensor before = inputs_.tensor("c", slot);
  std::memcpy(data(slot), before.data, before.desc.span_bytes());
  if (cold_) evict(data(slot), before.desc.span_bytes());
}

std::vector<DeviceTensor> GemmOutput::tensors(std::size_t slot) {
  return {{"c", gemm_.desc(gemm_.c(), gemm_.types.output), buffer_.get(), slot * stride_}};
}

}  // namespace ergon
