#include "kernels/moe/loop_plan.h"

#include <utility>

namespace ergon {
namespace {

class LoopPlan final : public Plan {
 public:
  LoopPlan(const Moe& workload, const Inputs& inputs, const Placement& placement, MoeLoop loop)
      : workload_(workload),
        inputs_(inputs),
        threads_(placement.threads),
        loop_(std::move(loop)),
        output_(workload.routed(), *placement.device, placement.slots, own_arithmetic),
        stages_{{"matmul", true, workload.work()}} {}
  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t /*stage*/, Stream& /*runs_at_once*/, std::size_t slot) override {
    loop_(workload_, inputs_, slot, output_.data(slot), threads_);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }

 private:
  const Moe workload_;
  const Inputs& inputs_;
  int threads_;
  MoeLoop loop_;
  QMatmulOutput output_;
  std::vector<Stage> stages_;
};

class LoopImplementation final : public Implementation {
 public:
  LoopImplementation(ImplementationInfo info, MoeLoop loop)
      : info_(std::move(info)), loop_(std::move(loop)) {}
  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unsupported(const Workload& workload) const override {
    if (dynamic_cast<const Moe*>(&workload) == nullptr) return "computes moe only";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    return {0, QMatmulOutput::bytes_per_slot(dynamic_cast<const Moe&>(workload).routed())};
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    return std::make_unique<LoopPlan>(dynamic_cast<const Moe&>(workload), inputs, placement, loop_);
  }

 private:
  ImplementationInfo info_;
  MoeLoop loop_;
};

}  // namespace

std::unique_ptr<Implementation> make_moe_loop(ImplementationInfo info, MoeLoop loop) {
  return std::make_unique<LoopImplementation>(std::move(info), std::move(loop));
}

}  // namespace ergon
