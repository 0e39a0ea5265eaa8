// w8a8 by oneDNN: its exact s8 product with weights packed once (kernels/gemm/onednn.cpp), then the
// scales of tokens and outputs in f32, rounded once, in a stage of our own.
//
// Not by oneDNN's own scales: it has them per output, but a scale per token would be a binary
// post-op of [m, 1], for which 2.6 and 3.2 have nothing but their reference loops (a thousand times
// slower at m = 7; a bf16 result of 8-bit operands likewise in 2.6). One pass over Y is then needed
// in any case, and takes both. Y in f32 takes the place of the s32 sums.
//
// bf16 activations: onednn_decoding.h.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/onednn_decoding.h"
#include "kernels/qmatmul/plain_product.h"

namespace ergon {
namespace {

/// Sums and Y may be the same memory.
using Sum [[gnu::may_alias]] = std::int32_t;
using Y [[gnu::may_alias]] = float;

void scale_row(const std::byte* from, const float* w, float x, std::int64_t n, DType type,
               std::byte* to) {
  const auto* sums = reinterpret_cast<const Sum*>(from);
  if (type == DType::f32) {
    auto* y = reinterpret_cast<Y*>(to);
    for (std::int64_t j = 0; j < n; ++j) y[j] = static_cast<float>(sums[j]) * (w[j] * x);
  } else {
    auto* y = reinterpret_cast<std::uint16_t*>(to);
    for (std::int64_t j = 0; j < n; ++j) y[j] = to_bf16(static_cast<float>(sums[j]) * (w[j] * x));
  }
}

class OnednnPlan final : public Plan {
 public:
  OnednnPlan(const QMatmul& q, const Inputs& inputs, const Placement& placement,
             const Implementation& gemm)
      : workload_(q),
        inputs_(inputs),
        threads_(placement.threads),
        product_(gemm, *plain_gemm(q, "s8"), placed(inputs, "x"), placed(inputs, "w"), placement) {
    if (q.output != DType::f32)
      output_ =
          std::make_unique<QMatmulOutput>(q, *placement.device, placement.slots, own_arithmetic);
    for (std::size_t slot = 0; slot < placement.slots; ++slot) {
      const DeviceTensor c = product_.c(slot);
      sums_.push_back(c.buffer->host() + c.offset);
    }
    const double elements = static_cast<double>(q.m) * static_cast<double>(q.n);
    const double scales = 4 * (static_cast<double>(q.m) + static_cast<double>(q.n));
    stages_ = {
        {"pack", false, product_.work(false)},
        {"matmul", true, product_.work(true)},
        {"scale", true, {0, scales + elements * (4 + static_cast<double>(size_of(q.output)))}}};
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { product_.plan().activate(); }
  void enqueue(std::size_t stage, Stream& stream, std::size_t slot) override {
    if (stage < 2)
      product_.run(stages_[stage].per_call, stream, slot);
    else
      scale(slot);
  }
  void reset(std::size_t slot) override { product_.plan().reset(slot); }
  void refresh(std::size_t slot) override { product_.plan().refresh(slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override {
    if (output_) return output_->tensors(slot);
    DeviceTensor y = product_.c(slot);
    y.name = own_arithmetic;
    y.desc = workload_.y_desc();
    return {std::move(y)};
  }
  std::string detail() const override { return product_.plan().detail(); }

 private:
  void scale(std::size_t slot) {
    const std::byte* sums = sums_[slot];
    std::byte* y = output_ ? output_->data(slot) : sums_[slot];
    const float* w = inputs_.as<float>("w_scale", slot);
    const float* x = inputs_.as<float>("x_scale", slot);
    const std::int64_t m = workload_.m, n = workload_.n;
    const auto size = static_cast<std::int64_t>(size_of(workload_.output));
    on_team(static_cast<int>(std::min<std::int64_t>(threads_, m)), [&](int thread, int team) {
      for (std::int64_t i = m * thread / team; i < m * (thread + 1) / team; ++i)
        scale_row(sums + i * n * 4, w, x[i], n, workload_.output, y + i * n * size);
    });
  }

  const QMatmul workload_;
  const Inputs& inputs_;
  const int threads_;
  PlainProduct product_;
  std::vector<std::byte*> sums_;           // of each slot
  std::unique_ptr<QMatmulOutput> output_;  // where it does not take the place of the sums
  std::vector<Stage> stages_;
};

class OnednnQMatmul final : public Implementation {
 public:
  explicit OnednnQMatmul(std::shared_ptr<const Implementation> gemm) : gemm_(std::move(gemm)) {
    const ImplementationInfo& by = gemm_->info();
    info_ = {.kernel = "qmatmul",
             .backend = "onednn",
             .name = by.name,
             .variant = by.variant,
             .device_kind = by.device_kind,
             .about =
                 "matmul primitive, W reordered once into the library's own layout; w8a8: the s8 "
                 "product, and scales of tokens and outputs in a pass of our own; w8a16, w4a16: "
                 "weights decoded by the library in the call",
             .library = by.library};
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return gemm_->unavailable(); }
  int max_threads() const override { return gemm_->max_threads(); }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* q = dynamic_cast<const QMatmul*>(&workload);
    if (q == nullptr) return "computes qmatmul only";
    const Format& format = *q->format;
    if (format.activations == Activations::s8) return gemm_->unsupported(*plain_gemm(*q, "s8"));
    if (format.code == Code::bf16) return "bf16 weights are not quantized: see library:onednn-bf16";
    if (format.activations != Activations::bf16)
      return "oneDNN " + info_.library->version + " has no product of " +
             std::string(format.weights) + " weights with activations that have scales per group";
    return onednn::refuse_decoding(*q);
  }

  Footprint footprint(const Workload& workload, const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    if (q.format->activations == Activations::bf16) return onednn::decoding_footprint(q, placement);
    Footprint bytes = gemm_->footprint(*plain_gemm(q, "s8"), placement);
    if (q.output != DType::f32) bytes.per_slot += QMatmulOutput::bytes_per_slot(q);
    return bytes;
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    if (q.format->activations == Activations::bf16) {
      if (placement.threads > max_threads())
        throw std::runtime_error("this oneDNN is built without threads");
      return onednn::make_decoding_plan(q, inputs, placement);
    }
    return std::make_unique<OnednnPlan>(q, inputs, placement, *gemm_);
  }

 private:
  std::shared_ptr<const Implementation> gemm_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_qmatmul_onednn(const RegistryOptions& options) {
  Implementations all;
  for (const auto& gemm : gemm_implementations("onednn", options))
    if (gemm->info().variant == "packed-once") all.push_back(std::make_unique<OnednnQMatmul>(gemm));
  return all;
}

}  // namespace ergon
