// Typed, strided views of memory. A description says nothing about where the memory is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/dtype.h"

namespace ergon {

class Buffer;

/// Shape and strides in elements, outermost dimension first.
struct TensorDesc {
  DType dtype = DType::f32;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;

  std::int64_t elements() const noexcept;
  /// Bytes from the first to past the last element, padding between rows included.
  std::size_t span_bytes() const noexcept;
};

/// Row-major without padding.
TensorDesc dense(DType dtype, std::vector<std::int64_t> sizes);

struct NamedDesc {
  std::string name;
  TensorDesc desc;
};

/// A tensor in a device's memory, starting `offset` bytes into `buffer`.
struct DeviceTensor {
  std::string name;
  TensorDesc desc;
  Buffer* buffer = nullptr;
  std::size_t offset = 0;
};

/// A tensor in host memory; a view that owns nothing.
struct HostTensor {
  std::string name;
  TensorDesc desc;
  const std::byte* data = nullptr;
};

}  // namespace ergon
