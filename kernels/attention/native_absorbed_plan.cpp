// mla in decode, by the absorbed way.
//
//   pack     once: W_uk and W_uv into panels
//   absorb   queries times W_uk, beside their rotary part
//   attend   all heads over the latents where they lie; the values of a block are interleaved once
//            for all of them
//   project  times W_uv
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/attention/mla.h"
#include "kernels/attention/native_latent.h"
#include "kernels/attention/native_packed.h"
#include "kernels/attention/native_products.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

NativeShape shape_of(const Attention& latent, simd::Isa isa) {
  return {latent.product_dtype(), latent.q_len * latent.q_heads,
          latent.kv_len,          latent.head_dim,
          latent.v_head_dim,      isa};
}

std::int64_t tokens(const Attention& a) { return a.batch * a.q_len; }
std::int64_t product_size(const Attention& a) {
  return static_cast<std::int64_t>(size_of(a.product_dtype()));
}
std::size_t query_bytes(const Attention& a) {
  return static_cast<std::size_t>(tokens(a) * a.q_heads * a.latent_dim() * product_size(a));
}
std::size_t sum_bytes(const Attention& a) {
  return static_cast<std::size_t>(tokens(a) * a.q_heads * a.kv_lora_rank * product_size(a));
}

HeadProducts absorbing(const Attention& a, simd::Isa isa) {
  return {a.dtype, a.q_heads, a.kv_lora_rank, a.nope_head_dim(), isa};
}
HeadProducts projecting(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_heads, a.v_head_dim, a.kv_lora_rank, isa};
}

class AbsorbedPlan final : public Plan {
 public:
  AbsorbedPlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        latent_(absorbed(a)),
        inputs_(inputs),
        threads_(placement.threads),
        shape_(shape_of(latent_, isa)),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        layout_(shape_, a.kv_dtype == DType::s8),
        absorbing_(ergon::absorbing(a, isa)),
        projecting_(ergon::projecting(a, isa)),
        outputs_(a_, *placement.device, placement.slots),
        queries_(query_bytes(a)),
        sums_(sum_bytes(a)) {
    flash_ = make_query_flash(flash_problem(latent_), shape_, layout_,
                              SoftmaxRows(latent_, nullptr, nullptr, floats_, nullptr),
                              GivenBlocks::scratch_bytes(layout_), threads_);
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      weights_ = placement.device->allocate(weight_bytes() * placement.slots);
    }
    stages_.push_back({"pack", false, {0, 2 * static_cast<double>(weight_bytes())}});
    for (const Stage& stage : mla_stages(a)) stages_.push_back(stage);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0) return pack(slot);
    if (stage == 1) return absorb(slot);
    if (stage == 3) return project(slot);
    const OperandKv source = OperandKv::latent(a_, inputs_, slot, shape_.tiles.isa);
    flash_->run(
        SoftmaxRows(latent_, queries_.data(), a_.sinks ? inputs_.as<float>("sink", slot) : nullptr,
                    floats_, sums_.data()),
        GivenBlocks(latent_, shape_, layout_, source));
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(shape_.tiles.isa)) + ": " +
           std::string(shape_.tiles.instruction) + ", absorbed, lanes are heads, blocks of " +
           std::to_string(shape_.block) + " keys";
  }

 private:
  std::size_t weight_bytes() const { return absorbing_.bytes() + projecting_.bytes(); }
  std::byte* weights(std::size_t slot) const { return weights_->host() + slot * weight_bytes(); }

  template <class Body>
  void over_heads(Body body) const {
    on_team(threads_, [&](int thread, int team) {
      for (std::int64_t h = a_.q_heads * thread / team; h < a_.q_heads * (thread + 1) / team; ++h)
        body(h);
    });
  }

  void pack(std::size_t slot) const {
    const auto size = static_cast<std::int64_t>(size_of(a_.dtype));
    const std::int64_t rank = a_.kv_lora_rank;
    over_heads([&](std::int64_t h) {
      absorbing_.pack(inputs_.data("w_uk", slot) + h * a_.nope_head_dim() * rank * size, a_.dtype,
                      1, rank, h, weights(slot));
      projecting_.pack(inputs_.data("w_uv", slot) + h * a_.v_head_dim * rank * size, a_.dtype, rank,
                       1, h, weights(slot) + absorbing_.bytes());
    });
  }

  void absorb(std::size_t slot) const {
    const auto given = static_cast<std::int64_t>(size_of(a_.dtype));
    const std::int64_t product = product_size(a_), q_row = a_.head_dim * given,
                       to_row = a_.latent_dim() * product;
    const std::byte* q = inputs_.data("q", slot);
    over_heads([&](std::int64_t h) {
      std::byte* to = queries_.data() + h * to_row;
      absorbing_.multiply(weights(slot), h, {q + h * q_row, a_.q_heads * q_row}, tokens(a_),
                          a_.product_dtype(), to, a_.q_heads * to_row);
      for (std::int64_t t = 0; t < tokens(a_); ++t)
        widen_elements(a_.dtype, q + (t * a_.q_heads + h) * q_row + a_.nope_head_dim() * given,
                       a_.product_dtype(), to + t * a_.q_heads * to_row + a_.kv_lora_rank * product,
                       a_.rope_head_dim, shape_.tiles.isa);
    });
  }

  void project(std::size_t slot) {
    const std::int64_t from_row = a_.kv_lora_rank * product_size(a_),
                       to_row = a_.v_head_dim * static_cast<std::int64_t>(size_of(a_.dtype));
    std::byte* o = outputs_.data(0, slot);
    over_heads([&](std::int64_t h) {
      projecting_.multiply(weights(slot) + absorbing_.bytes(), h,
                           {sums_.data() + h * from_row, a_.q_heads * from_row}, tokens(a_),
                           a_.dtype, o + h * to_row, a_.q_heads * to_row);
    });
  }

  const Attention a_, latent_;
  const Inputs& inputs_;
  int threads_;
  const NativeShape shape_;
  const simd::TileSet& floats_;
  const KvBlocks layout_;
  const HeadProducts absorbing_, projecting_;
  AttentionOutputs outputs_;
  HostMemory queries_, sums_;
  std::unique_ptr<QueryFlash> flash_;
  std::unique_ptr<Buffer> weights_;
  std::vector<Stage> stages_;
};

}  // namespace

Attention absorbed(const Attention& workload) {
  Attention latent = workload;
  latent.structure = Structure::softmax;
  latent.kv_heads = 1;
  latent.head_dim = workload.latent_dim();
  latent.v_head_dim = workload.kv_lora_rank;
  latent.dtype = workload.product_dtype();
  return latent;
}

Footprint absorbed_plan_footprint(const Attention& a, const Placement& placement, simd::Isa isa) {
  const NativeShape shape = shape_of(absorbed(a), isa);
  const KvBlocks layout(shape, a.kv_dtype == DType::s8);
  const HeadProducts into = absorbing(a, isa), from = projecting(a, isa);
  // One after the other.
  const std::size_t packing = std::max(into.packing_bytes(a.dtype), from.packing_bytes(a.dtype));
  return {query_flash_bytes(shape, GivenBlocks::scratch_bytes(layout), a.batch, placement.threads) +
              packing * static_cast<std::size_t>(placement.threads) + query_bytes(a) +
              sum_bytes(a) + 8192,
          AttentionOutputs::bytes_per_slot(a) + into.bytes() + from.bytes()};
}

std::unique_ptr<Plan> make_absorbed_plan(const Attention& workload, const Inputs& inputs,
                                         const Placement& placement, simd::Isa isa) {
  return std::make_unique<AbsorbedPlan>(workload, inputs, placement, isa);
}

}  // namespace ergon
