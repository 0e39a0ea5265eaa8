// What a library without quantized weights makes of them: a plain product of dequantized operands.
//
// converted-once         `dequantize` writes W as bf16 or f32, and has the library pack it where it
//                        packs once; a call reads only that
// dequantized-each-call  a call does it again: `dequantize` into a buffer that all slots share, as
//                        the layers of a model would
//
// Gemm's onednn, native and every CBLAS are one: it reads plain weights where it packs per call,
// and a CBLAS, which has no packed layout, in both variants. Activations that are not of the
// product's type are converted per call, into a shared buffer too. Shared buffers: a plan is for
// one stream at a time.
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/qmatmul/decode_row.h"
#include "kernels/qmatmul/plain_activations.h"
#include "kernels/qmatmul/plain_product.h"

namespace ergon {
namespace {

struct Backend {
  std::string_view name;  // of gemm
  DType type;             // what it is given
};
constexpr Backend backends[] = {
    {"onednn", DType::bf16}, {"native", DType::bf16}, {"cblas", DType::f32}};

struct Conversion {
  DType type;
  bool once;
  bool packed;  // by the library, so that plain weights need not stay
  simd::Isa isa;
};

std::string_view gemm_dtype(DType type, DType output) {
  if (type == DType::f32) return "f32";
  return output == DType::f32 ? "bf16_f32" : "bf16";
}

std::size_t page_rounded(double bytes) {
  return (static_cast<std::size_t>(bytes) + 4095) / 4096 * 4096;
}

/// What a plan allocates beside the product's own.
struct Sizes {
  Sizes(const QMatmul& q, const Conversion& how)
      : elements_of_w(static_cast<double>(q.n) * static_cast<double>(q.k)),
        elements_of_x(static_cast<double>(q.m) * static_cast<double>(q.k)),
        weights(page_rounded(elements_of_w * static_cast<double>(size_of(how.type)))),
        activations(q.x_dtype() == how.type
                        ? 0
                        : page_rounded(elements_of_x * static_cast<double>(size_of(how.type)))),
        weights_stride(how.once && !how.packed ? weights : 0) {}

  double elements_of_w, elements_of_x;
  std::size_t weights, activations;  // 0: read in place
  std::size_t weights_stride;        // from slot to slot; 0: shared
};

class LibraryPlan final : public Plan {
 public:
  LibraryPlan(const QMatmul& q, const Inputs& inputs, const Placement& placement,
              const Conversion& how, const Implementation& gemm)
      : workload_(q),
        inputs_(inputs),
        threads_(placement.threads),
        how_(how),
        sizes_(q, how),
        weights_(allocate_weights(placement)),
        activations_(sizes_.activations == 0 ? nullptr
                                             : placement.device->allocate(sizes_.activations)),
        product_(gemm, *plain_gemm(q, gemm_dtype(how.type, q.output)),
                 activations_ ? Placed{activations_->host(), 0} : placed(inputs, "x"),
                 {weights_->host(), sizes_.weights_stride}, placement) {
    const auto size = static_cast<double>(size_of(how.type));
    const double decoded = q.layout.bytes() + sizes_.elements_of_w * size;
    add({"dequantize", !how.once, {0, decoded + product_.work(false).bytes}},
        &LibraryPlan::dequantize);
    if (activations_) {
      const auto given = static_cast<double>(size_of(q.x_dtype()));
      add({"convert", true, {0, sizes_.elements_of_x * (given + size)}}, &LibraryPlan::convert);
    }
    add({"matmul", true, product_.work(true)}, &LibraryPlan::multiply);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { product_.plan().activate(); }
  void enqueue(std::size_t stage, Stream& stream, std::size_t slot) override {
    (this->*steps_[stage])(stream, slot);
  }
  void reset(std::size_t slot) override { product_.plan().reset(slot); }
  void refresh(std::size_t slot) override { product_.plan().refresh(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override {
    DeviceTensor y = product_.c(slot);
    y.name = plain_arithmetic;
    y.desc = workload_.y_desc();
    return {std::move(y)};
  }
  std::string detail() const override { return product_.plan().detail(); }

 private:
  using Step = void (LibraryPlan::*)(Stream& stream, std::size_t slot);

  std::unique_ptr<Buffer> allocate_weights(const Placement& placement) const {
    const PagePolicyScope pages(policy_for_packed_weights());
    return placement.device->allocate(
        sizes_.weights_stride == 0 ? sizes_.weights : sizes_.weights_stride * placement.slots);
  }

  void add(Stage stage, Step step) {
    stages_.push_back(std::move(stage));
    steps_.push_back(step);
  }

  void dequantize(Stream& stream, std::size_t slot) {
    const Weights from = weights_of(inputs_, slot);
    std::byte* to = weights_->host() + slot * sizes_.weights_stride;
    const std::int64_t n = workload_.n;
    const auto row = workload_.k * static_cast<std::int64_t>(size_of(how_.type));
    on_team(threads_, [&](int thread, int team) {
      const std::int64_t first = n * thread / team, end = n * (thread + 1) / team;
      decode_rows(workload_.layout, from, first, end - first, how_.type, how_.isa,
                  to + first * row);
    });
    product_.run(false, stream, slot);
  }
  void convert(Stream& /*runs_at_once*/, std::size_t slot) {
    convert_activations(workload_, inputs_, slot, how_.type, threads_, activations_->host());
  }
  void multiply(Stream& stream, std::size_t slot) { product_.run(true, stream, slot); }

  const QMatmul workload_;
  const Inputs& inputs_;
  const int threads_;
  const Conversion how_;
  const Sizes sizes_;
  std::unique_ptr<Buffer> weights_, activations_;
  PlainProduct product_;
  std::vector<Stage> stages_;
  std::vector<Step> steps_;
};

class LibraryImplementation final : public Implementation {
 public:
  LibraryImplementation(std::shared_ptr<const Implementation> gemm, const Conversion& how)
      : gemm_(std::move(gemm)), how_(how) {
    const ImplementationInfo& by = gemm_->info();
    const std::string type(ergon::name(how.type));
    info_ = {.kernel = "qmatmul",
             .backend = "library",
             .name = by.name + "-" + type,
             .variant = how.once ? "converted-once" : "dequantized-each-call",
             .device_kind = by.device_kind,
             .about = "plain product of weights that our own loops for " +
                      std::string(simd::name(how.isa)) + " make " + type +
                      (how.once ? " once; " : " in each call; ") + by.about,
             .library = by.library};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return gemm_->unavailable(); }
  int max_threads() const override { return gemm_->max_threads(); }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* q = dynamic_cast<const QMatmul*>(&workload);
    if (q == nullptr) return "computes qmatmul only";
    if (how_.type == DType::f32 && q->output != DType::f32)
      return "a product of f32 gives f32, not " + std::string(ergon::name(q->output));
    return gemm_->unsupported(*gemm_of(*q));
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    const Sizes sizes(q, how_);
    Footprint bytes = gemm_->footprint(*gemm_of(q), placement);
    bytes.once += sizes.activations + (sizes.weights_stride == 0 ? sizes.weights : 0);
    bytes.per_slot += sizes.weights_stride;
    return bytes;
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    return std::make_unique<LibraryPlan>(dynamic_cast<const QMatmul&>(workload), inputs, placement,
                                         how_, *gemm_);
  }

 private:
  std::unique_ptr<Workload> gemm_of(const QMatmul& q) const {
    return plain_gemm(q, gemm_dtype(how_.type, q.output));
  }

  std::shared_ptr<const Implementation> gemm_;
  Conversion how_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_qmatmul_library(const RegistryOptions& options) {
  const simd::Isa isa = options.isa.value_or(simd::best_isa(cpu_info()));
  Implementations all;
  for (const Backend& backend : backends)
    for (const auto& gemm : gemm_implementations(backend.name, options)) {
      const std::string& variant = gemm->info().variant;
      const bool packed = variant == "packed-once";
      if (packed || variant.empty())
        all.push_back(std::make_unique<LibraryImplementation>(
            gemm, Conversion{backend.type, true, packed, isa}));
      if (!packed)
        all.push_back(std::make_unique<LibraryImplementation>(
            gemm, Conversion{backend.type, false, false, isa}));
    }
  return all;
}

}  // namespace ergon
