// Attention by our own kernels (docs/attention.md).
#include <stdexcept>
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

Way way_of(const Attention& a, simd::Isa isa) {
  switch (a.structure) {
    case Structure::softmax:
      if (decodes_by_keys(a, isa)) return {key_plan_footprint, make_key_plan};
      return {query_plan_footprint, make_query_plan};
    case Structure::linear:
      return {native_linear_footprint, make_native_linear_plan};
    case Structure::mla:
      if (a.phase == Phase::decode) return {absorbed_plan_footprint, make_absorbed_plan};
      return {expanded_plan_footprint, make_expanded_plan};
    case Structure::sparse:
      return {sparse_plan_footprint, make_sparse_plan};
  }
  throw std::logic_error("a structure of attention that nobody has written");
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
    if (dynamic_cast<const Attention*>(&workload) == nullptr) return "computes attention only";
    return std::nullopt;
  }
  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return way_of(a, isa_).footprint(a, placement, isa_);
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return way_of(a, isa_).plan(a, inputs, placement, isa_);
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
