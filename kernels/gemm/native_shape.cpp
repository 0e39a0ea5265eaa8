#include "kernels/gemm/native_shape.h"

#include <utility>

namespace ergon {
namespace {

// Tokens of a decoding batch; more make C' = B' A' worth its other orientation.
constexpr std::int64_t few_rows = 32;

NativeSide side_of(const Gemm& gemm, const char* operand, const GemmMatrix& matrix, DType dtype,
                   bool rows_are_stored_rows, std::int64_t extent) {
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const auto strides = gemm.desc(matrix, dtype).strides;
  NativeSide side{operand, extent, strides[1] * size, strides[2] * size, strides[0] * size};
  if (!rows_are_stored_rows) std::swap(side.row_stride, side.k_stride);
  return side;
}

}  // namespace

std::optional<simd::Product> native_product(const Gemm& gemm) noexcept {
  switch (gemm.types.inputs) {
    case DType::f64:
      return simd::Product::f64;
    case DType::f32:
      return simd::Product::f32;
    case DType::bf16:
      return simd::Product::bf16;
    case DType::s8:
      return simd::Product::s8s8;
    case DType::u8:
      return simd::Product::u8s8;
    default:
      return std::nullopt;
  }
}

NativeShape::NativeShape(const Gemm& gemm)
    : product(*native_product(gemm)),
      left(side_of(gemm, "a", gemm.a(), gemm.types.inputs, !gemm.transpose_a, gemm.m)),
      right(side_of(gemm, "b", gemm.b(), gemm.types.weights, gemm.transpose_b, gemm.n)),
      k(accumulated(gemm, gemm.alpha) == 0 ? 0 : gemm.k),
      batch(gemm.batch),
      alpha(accumulated(gemm, gemm.alpha)),
      beta(accumulated(gemm, gemm.beta)),
      output(gemm.types.output),
      weights_left(false) {
  const auto size = static_cast<std::int64_t>(size_of(output));
  const auto strides = gemm.desc(gemm.c(), output).strides;
  c_batch = strides[0] * size;
  c_row = strides[1] * size;
  c_column = strides[2] * size;
  // u8 must stay on the left.
  if (!gemm.col_major || gemm.m <= few_rows || gemm.types.inputs == DType::u8) return;
  std::swap(left, right);
  std::swap(c_row, c_column);
  weights_left = true;
}

}  // namespace ergon
