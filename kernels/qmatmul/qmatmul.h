// Y = X W^T, W quantized: what a linear layer of a quantized model computes.
//
// X is m tokens of k inputs, W is [n, k] in a format of format.h, Y is [m, n], f32 or bf16.
//
// Operands, by what the format's activations are:
//   "x"        bf16, s8 (with "x_scale", f32 [m]) or f32 [m, k]
//   "w"        codes, u8 [n, bytes of a row]
//   "w_scale"  [scale_rows, groups]; not of bf16, which has none, nor of GGUF formats, whose scales
//              lie among the codes
//   "w_zero"   u8 [n, groups], where zero_point is set
//
// Output: one tensor, whose name says which arithmetic made it (the oracle expects accordingly):
//   "y"        the format's own: weights as they are stored, activations quantized as the format
//              says
//   "y_plain"  activations as they are given, and weights that may have been rounded to bf16: a
//              plain matrix product of dequantized weights
//
// flops: 2 m n k. bytes: x and its scales, codes, scales and zero points once, y once.
// Values: x is normal(0, 1) and W normal(0, 1/k), rounded and quantized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/qmatmul/format.h"

namespace ergon {

class QMatmul final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "qmatmul"; }
  std::vector<Field> fields() const override;
  TypeNames dtypes() const noexcept override;
  Work work() const noexcept override;
  std::optional<double> bits_per_weight() const noexcept override;
  /// m <= 32: weights are read once and used little.
  bool streams_weights() const noexcept override { return m <= 32; }

  DType x_dtype() const noexcept;
  /// Along k, of activations that the call quantizes; 0 where it does not.
  std::int64_t activation_group() const noexcept;
  /// So many of x: codes, and the scale that they share.
  float quantize_group(const float* x, std::int8_t* codes) const;
  TensorDesc y_desc() const { return dense(output, {m, n}); }

  std::int64_t m = 1, n = 1, k = 1;
  const Format* format = nullptr;
  WeightLayout layout;
  DType output = DType::f32;
};

const Family& qmatmul_family();

/// The quantized weights of a slot.
Weights weights_of(const Inputs& inputs, std::size_t slot);

inline constexpr std::string_view own_arithmetic = "y", plain_arithmetic = "y_plain";

/// Element (row, at) of the activations before any quantizing in the call.
class Activation {
 public:
  Activation(const QMatmul& workload, const Inputs& inputs, std::size_t slot);
  /// Row `row` as it is given, times its scale where it has one.
  void given(std::int64_t row, double* to) const;
  /// Row `row` as the format multiplies it: quantized and dequantized where the call does so.
  void multiplied(std::int64_t row, double* to) const;

 private:
  const QMatmul& workload_;
  HostTensor x_;
  const float* scales_ = nullptr;
};

/// The values that x (row by row) and W had before they were rounded and quantized.
void draw_x_row(const QMatmul& workload, std::uint64_t seed, std::int64_t row, float* to);
void draw_w_row(const QMatmul& workload, std::uint64_t seed, std::int64_t row, float* to);

/// The Y of each slot in host memory.
class QMatmulOutput {
 public:
  QMatmulOutput(const QMatmul& workload, Device& device, std::size_t slots,
                std::string_view arithmetic);
  std::byte* data(std::size_t slot) { return buffer_->host() + slot * stride_; }
  std::vector<DeviceTensor> tensors(std::size_t slot);
  static std::size_t bytes_per_slot(const QMatmul& workload);

 private:
  TensorDesc desc_;
  std::string name_;
  std::size_t stride_;
  std::unique_ptr<Buffer> buffer_;
};

}  // namespace ergon
