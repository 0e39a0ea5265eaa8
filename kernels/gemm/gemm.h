// C = alpha * op(A) * op(B) + beta * C, batched with fixed strides.
//
// op(A) is m x k, op(B) is k x n, C is m x n. `layout` "row": element (i, j) of a matrix is at
// i * ld + j; "col": at j * ld + i, as in CBLAS. Each matrix of a batch follows the last without a
// gap.
//
// dtype       inputs   weights  accumulate  output
// f64         f64      f64      f64         f64
// f32         f32      f32      f32         f32
// f16         f16      f16      f32         f16
// bf16        bf16     bf16     f32         bf16
// bf16_f32    bf16     bf16     f32         f32
// s8          s8       s8       s32         s32     exact; alpha is 1, beta is 0 or 1
// u8s8        u8       s8       s32         s32     exact; A is unsigned
//
// alpha and beta are used as the accumulate dtype holds them.
//
// Operands: "a", "b", and "c" (the C before the call) where beta is not 0. Output: "c".
// flops: 2 m n k batch; 0 where alpha is 0, and then A and B are not counted either. bytes: A and B
// once, C once written, and once read where beta is not 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace ergon {

struct GemmMatrix {
  std::int64_t rows = 0, cols = 0;  // as stored, before op()
  std::int64_t ld = 0;
  std::int64_t batch_stride = 0;  // elements
};

class Gemm final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "gemm"; }
  std::vector<Field> fields() const override;
  TypeNames dtypes() const noexcept override { return names(types); }
  Work work() const noexcept override;
  double distinct_bytes() const noexcept override;
  /// min(m, n) <= 32: the larger operand is read once and used little.
  bool streams_weights() const noexcept override;

  GemmMatrix a() const noexcept;
  GemmMatrix b() const noexcept;
  GemmMatrix c() const noexcept;
  /// [batch, rows, cols] with the strides of the layout.
  TensorDesc desc(const GemmMatrix& matrix, DType dtype) const;
  bool is_integer() const noexcept { return types.output == DType::s32; }

  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  std::int64_t lda = 0, ldb = 0, ldc = 0;  // 0: tight
  bool col_major = false, transpose_a = false, transpose_b = false;
  double alpha = 1, beta = 0;
  std::string dtype = "f32";
  DTypes types;
};

/// alpha or beta as the accumulate dtype holds it.
double accumulated(const Gemm& gemm, double factor) noexcept;

const Family& gemm_family();

/// The C of each slot in host memory, for CPU plans.
class GemmOutput {
 public:
  GemmOutput(const Gemm& gemm, const Inputs& inputs, Device& device, std::size_t slots);
  std::byte* data(std::size_t slot);
  /// C as it was before the call: the input "c" where beta is not 0, else left alone. Of several
  /// slots (cold), it is then out of the caches.
  void reset(std::size_t slot);
  std::vector<DeviceTensor> tensors(std::size_t slot);
  static std::size_t bytes_per_slot(const Gemm& gemm);

 private:
  const Gemm gemm_;
  const Inputs& inputs_;
  std::unique_ptr<Buffer> buffer_;
  std::size_t stride_;
  bool cold_;
};

}  // namespace ergon
