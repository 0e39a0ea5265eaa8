#include "kernels/gemm/loop_plan.h"

#include <utility>
#include <vector>

namespace ergon {
namespace {

class LoopPlan final : public Plan {
 public:
  LoopPlan(const Gemm& gemm, const Inputs& inputs, const Placement& placement, GemmLoop loop)
      : gemm_(gemm),
        inputs_(inputs),
        threads_(placement.threads),
        loop_(std::move(loop)),
        output_(gemm, inputs, *placement.device, placement.slots),
        stages_{{"matmul", true, gemm.work()}} {}
  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    loop_(gemm_, inputs_, slot, output_.data(slot), threads_);
  }
  void reset(std::size_t slot) override { output_.reset(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }

 private:
  const Gemm gemm_;
  const Inputs& inputs_;
  int threads_;
  GemmLoop loop_;
  GemmOutput output_;
  std::vector<Stage> stages_;
};

class LoopImplementation final : public Implementation {
 public:
  LoopImplementation(ImplementationInfo info, GemmLoop loop)
      : info_(std::move(info)), loop_(std::move(loop)) {}
  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unsupported(const Workload& workload) const override {
    if (dynamic_cast<const Gemm*>(&workload) == nullptr) return "computes gemm only";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    return {0, GemmOutput::bytes_per_slot(dynamic_cast<const Gemm&>(workload))};
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    return std::make_unique<LoopPlan>(dynamic_cast<const Gemm&>(workload), inputs, placement,
                                      loop_);
  }

 private:
  ImplementationInfo info_;
  GemmLoop loop_;
};

}  // namespace

std::unique_ptr<Implementation> make_loop_implementation(ImplementationInfo info, GemmLoop loop) {
  return std::make_unique<LoopImplementation>(std::move(info), std::move(loop));
}

}  // namespace ergon
