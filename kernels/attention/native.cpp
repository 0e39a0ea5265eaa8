// Attention by our own kernels (docs/attention.md).
#include <utility>

#include "kernels/attention/native_latent.h"
#include "kernels/attention/native_linear.h"
#include "kernels/attention/native_softmax.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

/// How a workload is computed.
struct Way {
  Footprint (*footprint)(const Attention& workload, const Placement& placement, simd::Isa isa);
  std::unique_ptr<Plan> (*plan)(const Attention& workload, const Inputs& inputs,
                                const Placement& placement, simd::Isa isa);
};

std::optional<Way> way_of(const Attention& a, simd::Isa isa) {
  switch (a.structure) {
    case Structure::softmax:
      if (decodes_by_keys(a, isa)) return Way{key_plan_footprint, make_key_plan};
      return Way{query_plan_footprint, make_query_plan};
    case Structure::linear:
      return Way{native_linear_footprint, make_native_linear_plan};
    case Structure::mla:
      if (a.phase == Phase::decode) return Way{absorbed_plan_footprint, make_absorbed_plan};
      return Way{expanded_plan_footprint, make_expanded_plan};
    case Structure::sparse:
      return Way{sparse_plan_footprint, make_sparse_plan};
  }
  return std::nullopt;
}

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
    const auto* attention = dynamic_cast<const Attention*>(&workload);
    if (attention == nullptr) return "computes attention only";
    if (!way_of(*attention, isa_)) return "has no kernel for this structure";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return way_of(a, isa_)->footprint(a, placement, isa_);
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return way_of(a, isa_)->plan(a, inputs, placement, isa_);
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
