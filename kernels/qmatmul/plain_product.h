// A plain matrix product as a part of a quantized one: C[m, n] = A[m, k] B[n, k]^T by any
// implementation of gemm, on the CPU, over operands that lie where the caller says.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "kernels/qmatmul/qmatmul.h"
#include "kernels/registry.h"

namespace ergon {

/// Of one backend; none where this build lacks it.
std::vector<std::shared_ptr<const Implementation>> gemm_implementations(
    std::string_view backend, const RegistryOptions& options);

/// The product as a gemm of `dtype` ("bf16_f32").
std::unique_ptr<Workload> plain_gemm(const QMatmul& workload, std::string_view dtype);

/// Slot s is `stride` bytes behind slot s - 1; 0: all slots share it.
struct Placed {
  const std::byte* first = nullptr;
  std::size_t stride = 0;
};
/// An operand of `inputs` where it lies.
Placed placed(const Inputs& inputs, std::string_view operand);

class PlainProduct {
 public:
  PlainProduct(const Implementation& by, const Workload& gemm, const Placed& a, const Placed& b,
               const Placement& placement);
  PlainProduct(const PlainProduct&) = delete;  // the plan reads inputs_
  PlainProduct& operator=(const PlainProduct&) = delete;
  /// Packing B where it does so once, or the product.
  void run(bool per_call, Stream& stream, std::size_t slot);
  Work work(bool per_call) const noexcept;
  /// [m, n] of the gemm's output type.
  DeviceTensor c(std::size_t slot) { return plan_->outputs(slot).front(); }
  Plan& plan() noexcept { return *plan_; }
  const Plan& plan() const noexcept { return *plan_; }

 private:
  Inputs inputs_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace ergon
