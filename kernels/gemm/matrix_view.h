// op(A), op(B) and C of one GEMM of a batch as strided host matrices, whatever their storage order
// and transposition: what loops over them need and no more.
#pragma once

#include <cstdint>

#include "kernels/dtype.h"
#include "kernels/gemm/gemm.h"

namespace ergon {

struct MatrixView {
  DType dtype = DType::f64;
  const void* data = nullptr;
  std::int64_t offset = 0;  // elements
  std::int64_t row_stride = 0, col_stride = 1;

  MatrixView transposed() const noexcept { return {dtype, data, offset, col_stride, row_stride}; }
  MatrixView from(std::int64_t row, std::int64_t col) const noexcept {
    return {dtype, data, offset + row * row_stride + col * col_stride, row_stride, col_stride};
  }
};

/// Matrix `index` of a batch; `transpose` views it as op(X).
inline MatrixView view(const HostTensor& tensor, std::int64_t index, bool transpose) noexcept {
  const auto& strides = tensor.desc.strides;
  const MatrixView plain{tensor.desc.dtype, tensor.data, index * strides[0], strides[1],
                         strides[2]};
  return transpose ? plain.transposed() : plain;
}

}  // namespace ergon
