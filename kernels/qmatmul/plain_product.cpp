#include "kernels/qmatmul/plain_product.h"

#include <utility>

#include "kernels/gemm/gemm.h"

namespace ergon {
namespace {

std::vector<PlacedOperand> operands(const Workload& gemm, const Placed& a, const Placed& b) {
  std::vector<PlacedOperand> list;
  for (NamedDesc& operand : gemm_family().operands(gemm)) {
    const Placed& place = operand.name == "a" ? a : b;
    list.push_back({std::move(operand), place.first, place.stride});
  }
  return list;
}

}  // namespace

std::vector<std::shared_ptr<const Implementation>> gemm_implementations(
    std::string_view backend, const RegistryOptions& options) {
  std::vector<std::shared_ptr<const Implementation>> list;
  for (const RegistryEntry& entry : registry_entries())
    if (entry.kernel == "gemm" && entry.backend == backend && entry.make != nullptr)
      for (auto& implementation : entry.make(options)) list.push_back(std::move(implementation));
  return list;
}

std::unique_ptr<Workload> plain_gemm(const QMatmul& workload, std::string_view dtype) {
  return gemm_family().make({{"m", workload.m},
                             {"n", workload.n},
                             {"k", workload.k},
                             {"transpose_b", true},
                             {"dtype", std::string(dtype)}});
}

Placed placed(const Inputs& inputs, std::string_view operand) {
  return {inputs.data(operand, 0), inputs.bytes_per_slot()};
}

PlainProduct::PlainProduct(const Implementation& by, const Workload& gemm, const Placed& a,
                           const Placed& b, const Placement& placement)
    : inputs_(Inputs::over(operands(gemm, a, b), placement.slots)),
      plan_(by.prepare(gemm, inputs_, placement)) {}

void PlainProduct::run(bool per_call, Stream& stream, std::size_t slot) {
  const auto stages = plan_->stages();
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (stages[i].per_call == per_call) plan_->enqueue(i, stream, slot);
}

Work PlainProduct::work(bool per_call) const noexcept {
  Work sum;
  for (const Stage& stage : plan_->stages()) {
    if (stage.per_call != per_call) continue;
    sum.flops += stage.work.flops;
    sum.bytes += stage.work.bytes;
  }
  return sum;
}

}  // namespace ergon
