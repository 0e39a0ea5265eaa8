// mla in prefill, by the expanded way.
//
//   pack     once: W_uk and W_uv into panels
//   expand   keys and values of every head from the latents, into blocks
//   attend   native_queries.cpp
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

NativeShape shape_of(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_len, a.kv_len, a.head_dim, a.v_head_dim, isa};
}
HeadProducts keys_of(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_heads, a.nope_head_dim(), a.kv_lora_rank, isa};
}
HeadProducts values_of(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_heads, a.v_head_dim, a.kv_lora_rank, isa};
}

class ExpandedPlan final : public Plan {
 public:
  ExpandedPlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        inputs_(inputs),
        threads_(placement.threads),
        shape_(shape_of(a, isa)),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        layout_(shape_, a.kv_dtype == DType::s8),
        keys_(keys_of(a, isa)),
        values_(values_of(a, isa)),
        outputs_(a_, *placement.device, placement.slots) {
    flash_ = make_query_flash(flash_problem(a_), shape_, layout_,
                              SoftmaxRows(a_, nullptr, nullptr, floats_, nullptr), 0, threads_);
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      weights_ = placement.device->allocate(weight_bytes() * placement.slots);
      blocks_ = placement.device->allocate(PackedBlocks::bytes(a_, shape_, layout_));
    }
    scratch_ = HostMemory(scratch_stride() * static_cast<std::size_t>(threads_));
    stages_.push_back({"pack", false, {0, 2 * static_cast<double>(weight_bytes())}});
    for (const Stage& stage : mla_stages(a)) stages_.push_back(stage);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0) return pack(slot);
    if (stage == 1) return expand(slot);
    flash_->run(SoftmaxRows(a_, inputs_, slot, floats_, outputs_.data(0, slot)), blocks());
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(shape_.tiles.isa)) + ": " +
           std::string(shape_.tiles.instruction) + ", expanded, lanes are queries, blocks of " +
           std::to_string(shape_.block) + " keys";
  }

  static std::size_t scratch_stride(const Attention& a, const NativeShape& shape) {
    const std::int64_t row = (a.latent_dim() + a.v_head_dim) * shape.element;
    return static_cast<std::size_t>(rounded_up(shape.block * row + 64, 4096));
  }

 private:
  std::size_t weight_bytes() const { return keys_.bytes() + values_.bytes(); }
  std::byte* weights(std::size_t slot) const { return weights_->host() + slot * weight_bytes(); }
  PackedBlocks blocks() const { return {a_, shape_, layout_, blocks_->host()}; }
  std::size_t scratch_stride() const { return scratch_stride(a_, shape_); }

  void pack(std::size_t slot) const {
    const auto size = static_cast<std::int64_t>(size_of(a_.dtype));
    const std::int64_t rank = a_.kv_lora_rank;
    on_team(threads_, [&](int thread, int team) {
      for (std::int64_t h = a_.q_heads * thread / team; h < a_.q_heads * (thread + 1) / team; ++h) {
        keys_.pack(inputs_.data("w_uk", slot) + h * a_.nope_head_dim() * rank * size, a_.dtype,
                   rank, 1, h, weights(slot));
        values_.pack(inputs_.data("w_uv", slot) + h * a_.v_head_dim * rank * size, a_.dtype, rank,
                     1, h, weights(slot) + keys_.bytes());
      }
    });
  }

  void expand(std::size_t slot) const {
    const OperandKv source = OperandKv::latent(a_, inputs_, slot, shape_.tiles.isa);
    const std::int64_t each = PackedBlocks::of_a_head(a_, shape_);
    const std::int64_t all = a_.batch * each * a_.q_heads;
    on_team(threads_, [&](int thread, int team) {
      std::byte* scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_stride();
      // The latents of a block meet all heads one after the other.
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i)
        expand_block(source, slot, i / a_.q_heads / each, i % a_.q_heads, i / a_.q_heads % each,
                     scratch);
    });
  }

  void expand_block(const OperandKv& source, std::size_t slot, std::int64_t sequence,
                    std::int64_t head, std::int64_t index, std::byte* scratch) const {
    const std::int64_t first = index * shape_.block, rank = a_.kv_lora_rank * shape_.element;
    const KeyRange seen = a_.keys(sequence);
    const std::int64_t count = std::min(shape_.block, seen.end - first);
    if (count <= 0 || first + count <= seen.first) return;
    const RowsInMemory latents = source.keys(sequence, 0, first, count, scratch);
    std::byte* to = blocks().place(sequence, head, index);
    keys_.multiply(weights(slot), head, latents, count, shape_.dtype, to, shape_.row);
    const std::int64_t nope = a_.nope_head_dim() * shape_.element,
                       rope = a_.rope_head_dim * shape_.element;
    for (std::int64_t i = 0; i < count; ++i) {
      std::byte* row = to + i * shape_.row;
      std::memcpy(row + nope, latents.first + i * latents.stride + rank,
                  static_cast<std::size_t>(rope));
      std::memset(row + nope + rope, 0, static_cast<std::size_t>(shape_.row - nope - rope));
    }
    const std::int64_t value_row = a_.v_head_dim * shape_.element;
    std::byte* values = scratch + rounded_up(shape_.block * a_.latent_dim() * shape_.element, 64);
    values_.multiply(weights(slot) + keys_.bytes(), head, latents, count, shape_.dtype, values,
                     value_row);
    layout_.pack_values({values, value_row}, count, layout_.values(to));
    layout_.pack_scales(source, sequence, 0, first, count, to);
  }

  const Attention a_;
  const Inputs& inputs_;
  int threads_;
  const NativeShape shape_;
  const simd::TileSet& floats_;
  const KvBlocks layout_;
  const HeadProducts keys_, values_;
  AttentionOutputs outputs_;
  std::unique_ptr<QueryFlash> flash_;
  std::unique_ptr<Buffer> weights_, blocks_;
  HostMemory scratch_;
  std::vector<Stage> stages_;
};

}  // namespace

Footprint expanded_plan_footprint(const Attention& a, const Placement& placement, simd::Isa isa) {
  const NativeShape shape = shape_of(a, isa);
  const KvBlocks layout(shape, a.kv_dtype == DType::s8);
  const HeadProducts keys = keys_of(a, isa), values = values_of(a, isa);
  // One after the other.
  const std::size_t of_a_thread =
      std::max(keys.packing_bytes(a.dtype), values.packing_bytes(a.dtype)) +
      ExpandedPlan::scratch_stride(a, shape);
  return {query_flash_bytes(shape, 0, a.batch * a.kv_heads, placement.threads) +
              PackedBlocks::bytes(a, shape, layout) +
              of_a_thread * static_cast<std::size_t>(placement.threads),
          AttentionOutputs::bytes_per_slot(a) + keys.bytes() + values.bytes()};
}

std::unique_ptr<Plan> make_expanded_plan(const Attention& workload, const Inputs& inputs,
                                         const Placement& placement, simd::Isa isa) {
  return std::make_unique<ExpandedPlan>(workload, inputs, placement, isa);
}

}  // namespace ergon
