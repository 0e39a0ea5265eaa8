#include "kernels/attention/loop_plan.h"

#include <array>
#include <utility>

#include "kernels/attention/outputs.h"

namespace ergon {
namespace {

class LoopPlan final : public Plan {
 public:
  LoopPlan(const Attention& workload, const Inputs& inputs, const Placement& placement,
           AttentionLoop loop)
      : workload_(workload),
        inputs_(inputs),
        threads_(placement.threads),
        loop_(loop),
        outputs_(workload, *placement.device, placement.slots),
        stages_{{"attend", true, workload.work()}} {}
  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t /*stage*/, Stream& /*runs_at_once*/, std::size_t slot) override {
    std::vector<std::byte*> to;
    for (std::size_t i = 0; i < outputs_.count(); ++i) to.push_back(outputs_.data(i, slot));
    loop_.call(workload_, inputs_, slot, to, threads_);
  }
  void reset(std::size_t slot) override { outputs_.reset(inputs_, slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }

 private:
  const Attention workload_;
  const Inputs& inputs_;
  int threads_;
  AttentionLoop loop_;
  AttentionOutputs outputs_;
  std::vector<Stage> stages_;
};

class LoopImplementation final : public Implementation {
 public:
  LoopImplementation(ImplementationInfo info, const AttentionLoops& loops)
      : info_(std::move(info)), loops_{loops.softmax, loops.mla, loops.sparse, loops.linear} {}
  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* attention = dynamic_cast<const Attention*>(&workload);
    if (attention == nullptr) return "computes attention only";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& attention = dynamic_cast<const Attention&>(workload);
    return {loop(attention).scratch_bytes(attention, placement.threads),
            AttentionOutputs::bytes_per_slot(attention)};
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& attention = dynamic_cast<const Attention&>(workload);
    return std::make_unique<LoopPlan>(attention, inputs, placement, loop(attention));
  }

 private:
  const AttentionLoop& loop(const Attention& workload) const {
    return loops_[static_cast<std::size_t>(workload.structure)];
  }

  ImplementationInfo info_;
  std::array<AttentionLoop, 4> loops_;
};

}  // namespace

std::unique_ptr<Implementation> make_attention_loops(ImplementationInfo info,
                                                     const AttentionLoops& loops) {
  return std::make_unique<LoopImplementation>(std::move(info), loops);
}

}  // namespace ergon
