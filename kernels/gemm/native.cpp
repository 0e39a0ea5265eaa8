// GEMM by our own kernels (docs/kernels.md): register tiles of kernels/simd, chosen at run time,
// and the loops of native_loop.h.
//
// packed-once      B is packed once, by `pack`, into panels in the order of their use
// packed-per-call  B is packed block by block within the call, as a BLAS does
//
// A is read in place where it lies well, else packed block by block in the call.
// Workspace: one for all slots, so a plan is for one stream at a time.
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/gemm/native_loop.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

class NativePlan final : public Plan {
 public:
  NativePlan(const Gemm& gemm, const Inputs& inputs, const Placement& placement,
             const simd::TileSet& set, NativePacking packing)
      : inputs_(inputs),
        set_(set),
        shape_(gemm),
        loop_(shape_, set, packing, placement.threads),
        output_(gemm, inputs, *placement.device, placement.slots),
        workspace_(placement.device->allocate(loop_.workspace_bytes())) {
    if (packing == NativePacking::once) {
      const double elements = static_cast<double>(gemm.k) * static_cast<double>(gemm.n) *
                              static_cast<double>(gemm.batch);
      const double read = elements * static_cast<double>(size_of(gemm.types.weights));
      packed_bytes_ = packed_bytes(loop_);
      stages_.push_back({"pack", false, {0, read + static_cast<double>(packed_bytes_)}});
      const PagePolicyScope pages(policy_for_packed_weights());
      packed_ = placement.device->allocate(packed_bytes_ * placement.slots);
    }
    stages_.push_back({"matmul", true, gemm.work()});
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (!stages_[stage].per_call)
      loop_.pack_once(inputs_.data("b", slot), packed(slot));
    else
      loop_.run(inputs_.data(shape_.left.operand, slot), inputs_.data(shape_.right.operand, slot),
                packed(slot), output_.data(slot), workspace_->host());
  }
  void reset(std::size_t slot) override { output_.reset(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }

  std::string detail() const override {
    const auto& b = loop_.blocking();
    return std::string(simd::name(set_.isa)) + ": " + std::string(set_.instruction) + ", tile " +
           std::to_string(set_.most_rows) + "x" + std::to_string(set_.panel()) + ", k in " +
           std::to_string(b.k_blocks) + ", threads " + std::to_string(b.batch_parts) + "x" +
           std::to_string(b.row_parts) + "x" + std::to_string(b.column_parts) +
           (b.left_in_place ? ", left in place" : ", left packed") +
           (shape_.weights_left ? ", C' = B' A'" : "");
  }

  static std::size_t packed_bytes(const NativeLoop& loop) {
    return (loop.packed_bytes() + 4095) / 4096 * 4096;
  }

 private:
  std::byte* packed(std::size_t slot) const {
    return packed_ ? packed_->host() + slot * packed_bytes_ : nullptr;
  }

  const Inputs& inputs_;
  const simd::TileSet& set_;
  const NativeShape shape_;
  const NativeLoop loop_;
  GemmOutput output_;
  std::unique_ptr<Buffer> workspace_, packed_;
  std::size_t packed_bytes_ = 0;
  std::vector<Stage> stages_;
};

class NativeGemm final : public Implementation {
 public:
  NativeGemm(NativePacking packing, simd::Isa isa) : packing_(packing), isa_(isa) {
    const bool once = packing == NativePacking::once;
    info_.kernel = "gemm";
    info_.backend = info_.name = "native";
    info_.variant = once ? "packed-once" : "packed-per-call";
    info_.device_kind = "cpu";
    info_.about = "our own kernels for " + std::string(simd::name(isa)) +
                  (once ? "; B packed once into panels" : "; B packed block by block in the call");
  }

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* gemm = dynamic_cast<const Gemm*>(&workload);
    if (gemm == nullptr) return "computes gemm only";
    if (!native_product(*gemm)) return "there is no native " + gemm->dtype;
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    const NativeLoop loop(NativeShape(gemm), set_of(gemm), packing_, placement.threads);
    return {loop.workspace_bytes(),
            GemmOutput::bytes_per_slot(gemm) + NativePlan::packed_bytes(loop)};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& gemm = dynamic_cast<const Gemm&>(workload);
    return std::make_unique<NativePlan>(gemm, inputs, placement, set_of(gemm), packing_);
  }

 private:
  const simd::TileSet& set_of(const Gemm& gemm) const {
    return simd::best_tile_set(*native_product(gemm), isa_, cpu_info());
  }

  NativePacking packing_;
  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_gemm_native(const RegistryOptions& options) {
  const simd::Isa isa = options.isa.value_or(simd::best_isa(cpu_info()));
  Implementations all;
  for (const NativePacking packing : {NativePacking::once, NativePacking::per_call})
    all.push_back(std::make_unique<NativeGemm>(packing, isa));
  return all;
}

}  // namespace ergon
