// GEMM by oneDNN's matmul primitive on the processor.
//
// packed-once      B is reordered once, by `pack`, into the layout that the library asks for
// packed-per-call  plain strides in, plain strides out: whatever the library re-lays, it does
//                  in the call, as a BLAS does
//
// oneDNN's fast paths write row-major only, so a column-major problem is handed over transposed
// (C' = B' A'), which moves no data; u8s8 is not, since the library takes u8 only on the left.
// Primitives are made for a number of threads and run with it, so the plan sets it in both places.
// Integer products pass through f32 on some of its paths (AVX-512 VNNI with s8 on the left, any sum
// with the C before), so they are exact as far as f32 holds integers: to 2^24.
// Scratchpad: the caller's, one for all slots, so a plan is for one stream at a time.
#include <omp.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "kernels/devices/memory.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/onednn_call.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

using dnnl::memory;
using onednn::Call;
using onednn::ThreadCount;

enum class Packing { once, per_call };

std::size_t page_rounded(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

struct Operand {
  const char* name;
  TensorDesc desc;  // [batch, rows, cols], after op()

  void transpose() {
    std::swap(desc.sizes[1], desc.sizes[2]);
    std::swap(desc.strides[1], desc.strides[2]);
  }
  /// Two dimensions without a batch: more of oneDNN's paths take those.
  memory::dims sizes() const { return without_single_batch(desc.sizes); }
  memory::dims strides() const { return without_single_batch(desc.strides); }
  memory::data_type type() const { return *onednn::data_type(desc.dtype); }
  memory::desc strided() const { return {sizes(), type(), strides()}; }
  memory::desc in_any_layout() const { return {sizes(), type(), memory::format_tag::any}; }

 private:
  memory::dims without_single_batch(const std::vector<std::int64_t>& all) const {
    return {all.begin() + (desc.sizes[0] == 1 ? 1 : 0), all.end()};
  }
};

/// The problem in oneDNN's roles: dst = src * weights.
struct Roles {
  Operand src, weights, dst;
};

bool handed_over_transposed(const Gemm& gemm) {
  return gemm.col_major && gemm.types.inputs == gemm.types.weights;
}

Roles roles_of(const Gemm& gemm) {
  Operand a{"a", gemm.desc(gemm.a(), gemm.types.inputs)};
  Operand b{"b", gemm.desc(gemm.b(), gemm.types.weights)};
  Operand c{"c", gemm.desc(gemm.c(), gemm.types.output)};
  if (gemm.transpose_a) a.transpose();
  if (gemm.transpose_b) b.transpose();
  if (!handed_over_transposed(gemm)) return {a, b, c};
  for (Operand* operand : {&a, &b, &c}) operand->transpose();
  return {b, a, c};
}

/// What oneDNN makes of a problem under the number of threads that is set.
struct Prepared {
  Prepared(const Gemm& gemm, Packing packing)
      : roles(roles_of(gemm)),
        matmul(onednn::make_matmul(
            roles.src.strided(),
            packing == Packing::once ? roles.weights.in_any_layout() : roles.weights.strided(),
            roles.dst.strided(), static_cast<float>(gemm.alpha),
            onednn::sum(static_cast<float>(gemm.beta)))) {
    if (packing == Packing::per_call) return;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    reorder = {onednn::cpu(), roles.weights.strided(), onednn::cpu(), matmul.desc.weights_desc(),
               attributes};
    packed_bytes = matmul.desc.weights_desc().get_size();
  }

  std::size_t scratchpad_bytes() const {
    const std::size_t packing = reorder ? reorder.scratchpad_desc().get_size() : 0;
    return std::max(packing, matmul.desc.scratchpad_desc().get_size());
  }

  Roles roles;
  onednn::Matmul matmul;
  dnnl::reorder::primitive_desc reorder;  // empty where nothing is packed
  std::size_t packed_bytes = 0;
};

class OnednnPlan final : public Plan {
 public:
  OnednnPlan(const Gemm& gemm, const Inputs& inputs, const Placement& placement, Packing packing)
      : threads_(placement.threads),
        output_(gemm, inputs, *placement.device, placement.slots),
        prepared_(gemm, packing),
        stream_(onednn::cpu()) {
    if (packing == Packing::once) {
      const double read = static_cast<double>(gemm.k) * static_cast<double>(gemm.n) *
                          static_cast<double>(gemm.batch) *
                          static_cast<double>(size_of(gemm.types.weights));
      stages_.push_back({"pack", false, {0, read + static_cast<double>(prepared_.packed_bytes)}});
      const PagePolicyScope pages(policy_for_packed_weights());
      packed_ = placement.device->allocate(page_rounded(prepared_.packed_bytes) * placement.slots);
    }
    stages_.push_back({"matmul", true, gemm.work()});
    if (prepared_.scratchpad_bytes() > 0)
      scratchpad_ = placement.device->allocate(prepared_.scratchpad_bytes());
    bind(inputs, placement.slots);
    detail_ = prepared_.matmul.desc.impl_info_str();
    if (handed_over_transposed(gemm)) detail_ += ", as C' = B' A'";
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { omp_set_num_threads(threads_); }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    calls_[slot * stages_.size() + stage].run(stream_);
  }
  void reset(std::size_t slot) override { output_.reset(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }
  std::string detail() const override { return detail_; }

 private:
  void bind(const Inputs& inputs, std::size_t slots) {
    const dnnl::matmul matmul(prepared_.matmul.desc);
    dnnl::primitive reorder;
    if (packed_) reorder = dnnl::reorder(prepared_.reorder);
    for (std::size_t slot = 0; slot < slots; ++slot) {
      memory weights = in_place(prepared_.roles.weights, inputs, slot);
      if (packed_) {
        const memory plain = weights;
        weights = {prepared_.matmul.desc.weights_desc(), onednn::cpu(),
                   packed_->host() + slot * page_rounded(prepared_.packed_bytes)};
        Call& pack = calls_.emplace_back(reorder);
        pack.bind(DNNL_ARG_FROM, plain);
        pack.bind(DNNL_ARG_TO, weights);
        bind_scratchpad(pack, prepared_.reorder.scratchpad_desc());
      }
      Call& call = calls_.emplace_back(matmul);
      call.bind(DNNL_ARG_SRC, in_place(prepared_.roles.src, inputs, slot));
      call.bind(DNNL_ARG_WEIGHTS, weights);
      call.bind(DNNL_ARG_DST, {prepared_.roles.dst.strided(), onednn::cpu(), output_.data(slot)});
      for (const auto& [argument, value] : prepared_.matmul.arguments) call.bind(argument, value);
      bind_scratchpad(call, prepared_.matmul.desc.scratchpad_desc());
    }
  }

  /// The shared input in place; oneDNN takes inputs as void* and does not write them.
  static memory in_place(const Operand& operand, const Inputs& inputs, std::size_t slot) {
    return {operand.strided(), onednn::cpu(),
            const_cast<std::byte*>(inputs.data(operand.name, slot))};
  }

  void bind_scratchpad(Call& call, const memory::desc& desc) const {
    if (desc.get_size() > 0)
      call.bind(DNNL_ARG_SCRATCHPAD, {desc, onednn::cpu(), scratchpad_->host()});
  }

  int threads_;
  GemmOutput output_;
  Prepared prepared_;
  dnnl::stream stream_;
  std::unique_ptr<Buffer> packed_, scratchpad_;
  std::vector<Stage> stages_;
  std::vector<Call> calls_;  // by slot, then by stage
  std::string detail_;
};

class OnednnGemm final : public Implementation {
 public:
  explicit OnednnGemm(Packing packing) : packing_(packing) {
    const bool once = packing == Packing::once;
    info_ = {.kernel = "gemm",
             .backend = "onednn",
             .name = "onednn",
             .variant = once ? "packed-once" : "packed-per-call",
             .device_kind = "cpu",
             .about = once ? "matmul primitive; B reordered once into the library's own layout; "
                             "integers exact to 2^24"
                           : "matmul primitive on plain strided operands; integers exact to 2^24",
             .library = onednn::library()};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unavailable() const override {
    return onednn::refuse_runtime(dnnl_version()->cpu_runtime);
  }

  int max_threads() const override {
    const bool sequential = dnnl_version()->cpu_runtime == DNNL_RUNTIME_SEQ;
    return sequential ? 1 : Implementation::max_threads();
  }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const Gemm& gemm = dynamic_cast<const Gemm&>(workload);
    if (!onednn::data_type(gemm.types.inputs))
      return "oneDNN " + info_.library->version + " has no " + std::string(name(gemm.types.inputs));
    if (gemm.k == 0) return "k = 0: oneDNN leaves C unwritten (3.x) or crashes (2.x)";
    if (gemm.col_major && packing_ == Packing::once)
      return "oneDNN packs the right-hand operand, which in column-major order is A, not B";
    if (gemm.is_integer())
      if (auto reason = onednn::refuse_integers()) return reason;
    try {
      const Prepared prepared(gemm, packing_);
      return std::nullopt;
    } catch (const dnnl::error& error) {
      return onednn::describe(error);
    }
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const Gemm& gemm = dynamic_cast<const Gemm&>(workload);
    const ThreadCount threads(placement.threads);
    const Prepared prepared(gemm, packing_);
    return {prepared.scratchpad_bytes(),
            GemmOutput::bytes_per_slot(gemm) + page_rounded(prepared.packed_bytes)};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    if (placement.threads > max_threads())
      throw std::runtime_error("this oneDNN is built without threads");
    const ThreadCount threads(placement.threads);
    return std::make_unique<OnednnPlan>(dynamic_cast<const Gemm&>(workload), inputs, placement,
                                        packing_);
  }

 private:
  Packing packing_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_gemm_onednn(const RegistryOptions& /*options*/) {
  Implementations all;
  for (const Packing packing : {Packing::once, Packing::per_call})
    all.push_back(std::make_unique<OnednnGemm>(packing));
  return all;
}

}  // namespace ergon
