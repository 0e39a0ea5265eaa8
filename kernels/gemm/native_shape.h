// A GEMM as the native loops see it: C = left * right, vectors along C's columns.
//
// Either left is A and right is B, or, of a column-major C, left is B' and right A', so that
// vectors run along memory. Few rows are never made few columns: a column-major C of up to
// `few_rows` rows keeps B on the right, and its columns are written one element at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/gemm/gemm.h"
#include "kernels/simd/tile.h"

namespace ergon {

/// Of one side: rows [0, extent) of k elements each. One of the strides is one element. Strides are
/// bytes.
struct NativeSide {
  const char* operand = "";  // "a" or "b"
  std::int64_t extent = 0;
  std::int64_t row_stride = 0, k_stride = 0, batch_stride = 0;
};

struct NativeShape {
  explicit NativeShape(const Gemm& gemm);

  simd::Product product;
  NativeSide left, right;
  std::int64_t k, batch;
  double alpha, beta;
  DType output;
  bool weights_left;                                  // B is on the left
  std::int64_t c_row = 0, c_column = 0, c_batch = 0;  // bytes
};

/// Nothing where the native backend has no product for the dtype.
std::optional<simd::Product> native_product(const Gemm& gemm) noexcept;

}  // namespace ergon
