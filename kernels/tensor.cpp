#include "kernels/tensor.h"

#include <algorithm>
#include <utility>

namespace ergon {

std::int64_t TensorDesc::elements() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return count;
}

std::size_t TensorDesc::span_bytes() const noexcept {
  if (elements() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) last += (sizes[d] - 1) * strides[d];
  return static_cast<std::size_t>(last + 1) * size_of(dtype);
}

TensorDesc dense(DType dtype, std::vector<std::int64_t> sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t d = sizes.size(); d-- > 1;)
    strides[d - 1] = strides[d] * std::max<std::int64_t>(sizes[d], 1);
  return {dtype, std::move(sizes), std::move(strides)};
}

}  // namespace ergon
