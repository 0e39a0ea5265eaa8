// Attention by our own kernels (docs/attention.md).
#include <utility>

#include "kernels/attention/native_softmax.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

class NativeAttention final : public Implementation {
 public:
  explicit NativeAttention(simd::Isa isa) : isa_(isa) {
    info_.kernel = "attention";
    info_.backend = info_.name = "native";
    info_.device_kind = "cpu";
    info_.about = "our own flash attention up to " + std::string(simd::name(isa)) +
                  "; keys and values packed into blocks, in the call of a prefill, once and then "
                  "appended to for decoding";
  }
  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unsupported(const Workload& workload) const override {
    if (dynamic_cast<const Attention*>(&workload) == nullptr) return "computes attention only";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return (decodes_by_keys(a, isa_) ? key_plan_footprint : query_plan_footprint)(a, placement,
                                                                                  isa_);
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return (decodes_by_keys(a, isa_) ? make_key_plan : make_query_plan)(a, inputs, placement, isa_);
  }

 private:
  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_attention_native(const RegistryOptions& options) {
  Implementations all;
  all.push_back(
      std::make_unique<NativeAttention>(options.isa.value_or(simd::best_isa(cpu_info()))));
  return all;
}

}  // namespace ergon
