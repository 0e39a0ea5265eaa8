// Softmax attention with queries in lanes.
//
//   pack     keys and values into blocks: those of a prefill in every call; of a cache once,
//            without the call's tokens
//   append   of a cache, the keys and values of the call's tokens
//   attend   native_queries.cpp
//
// A cache of s8 beside f32 queries stays as it is given: decoding packs it block by block in the
// call, and has no stages but attend. Other narrow caches have keys in lanes (native_cache.h).
#include <utility>

#include "kernels/attention/native_packed.h"
#include "kernels/attention/native_softmax.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

NativeShape shape_of(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_len * a.group(), a.kv_len, a.head_dim, a.v_head_dim, isa};
}

/// Where packed blocks are.
enum class Packed { in_call, once, block_by_block };
Packed packed(const Attention& a) {
  if (a.phase == Phase::prefill) return Packed::in_call;
  return a.kv_dtype == a.product_dtype() ? Packed::once : Packed::block_by_block;
}

/// From one slot's blocks to the next, of a cache.
std::size_t slot_stride(const Attention& a, const NativeShape& shape, const KvBlocks& layout) {
  return PackedBlocks::bytes(a, shape, layout) + static_cast<std::size_t>(cache_gap);
}

class QueryPlan final : public Plan {
 public:
  QueryPlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        inputs_(inputs),
        threads_(placement.threads),
        shape_(shape_of(a_, isa)),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        layout_(shape_, a.kv_dtype == DType::s8),
        packed_(ergon::packed(a)),
        outputs_(a_, *placement.device, placement.slots) {
    const bool stored = packed_ != Packed::block_by_block;
    flash_ = make_query_flash(flash_problem(a_), shape_, layout_,
                              SoftmaxRows(a_, inputs_, 0, floats_, nullptr),
                              stored ? 0 : GivenBlocks::scratch_bytes(layout_), threads_);
    if (stored) {
      const PagePolicyScope pages(policy_for_packed_weights());
      blocks_ = placement.device->allocate(packed_ == Packed::once
                                               ? placement.slots * slot_stride(a_, shape_, layout_)
                                               : PackedBlocks::bytes(a_, shape_, layout_));
      scratch_ = HostMemory(scratch_stride() * static_cast<std::size_t>(threads_));
      // Read, and written about as large.
      stages_.push_back(
          {"pack", packed_ == Packed::in_call, {0, 2 * seen_keys(a) * *a.kv_bytes_per_token()}});
    }
    if (packed_ == Packed::once) {
      const double tokens = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
      stages_.push_back({"append", true, {0, 2 * tokens * *a.kv_bytes_per_token()}});
    }
    stages_.push_back({"attend", true, a.work()});
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage + 1 == stages_.size())
      attend(slot);
    else if (stage == 0)
      pack(slot);
    else
      append(slot);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(shape_.tiles.isa)) + ": " +
           std::string(shape_.tiles.instruction) + ", lanes are queries, blocks of " +
           std::to_string(shape_.block) + " keys";
  }

 private:
  PackedBlocks blocks(std::size_t slot) const {
    const std::size_t at = packed_ == Packed::once ? slot * slot_stride(a_, shape_, layout_) : 0;
    return {a_, shape_, layout_, blocks_->host() + at};
  }
  std::size_t scratch_stride() const {
    return static_cast<std::size_t>(rounded_up(layout_.scratch_bytes(), 4096));
  }

  void pack(std::size_t slot) const {
    const OperandKv source(a_, inputs_, slot, shape_.tiles.isa);
    const PackedBlocks to = blocks(slot);
    const std::int64_t each = PackedBlocks::of_a_head(a_, shape_);
    const std::int64_t all = a_.batch * a_.kv_heads * each;
    on_team(threads_, [&](int thread, int team) {
      std::byte* scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_stride();
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i) {
        // Heads of a token lie side by side.
        const std::int64_t head = i % a_.kv_heads, index = i / a_.kv_heads % each;
        const std::int64_t sequence = i / each / a_.kv_heads, first = index * shape_.block;
        const KeyRange seen = a_.keys(sequence);
        const std::int64_t end =
            packed_ == Packed::once ? a_.length(sequence) - a_.q_len : seen.end;
        const std::int64_t count = std::min(shape_.block, end - first);
        if (count > 0 && first + count > seen.first)
          layout_.pack(source, sequence, head, first, count, scratch,
                       to.place(sequence, head, index));
      }
    });
  }

  void append(std::size_t slot) const {
    const OperandKv source(a_, inputs_, slot, shape_.tiles.isa);
    const PackedBlocks to = blocks(slot);
    for (std::int64_t b = 0; b < a_.batch; ++b)
      for (std::int64_t token = std::max<std::int64_t>(0, a_.length(b) - a_.q_len);
           token < a_.length(b); ++token)
        for (std::int64_t h = 0; h < a_.kv_heads; ++h)
          layout_.put(source, b, h, token, token % shape_.block, scratch_.data(),
                      to.place(b, h, token / shape_.block));
  }

  void attend(std::size_t slot) {
    const SoftmaxRows rows(a_, inputs_, slot, floats_, outputs_.data(0, slot));
    if (packed_ != Packed::block_by_block) return flash_->run(rows, blocks(slot));
    const OperandKv source(a_, inputs_, slot, shape_.tiles.isa);
    flash_->run(rows, GivenBlocks(a_, shape_, layout_, source));
  }

  const Attention a_;
  const Inputs& inputs_;
  int threads_;
  const NativeShape shape_;
  const simd::TileSet& floats_;
  const KvBlocks layout_;
  Packed packed_;
  AttentionOutputs outputs_;
  std::unique_ptr<QueryFlash> flash_;
  std::unique_ptr<Buffer> blocks_;
  HostMemory scratch_;
  std::vector<Stage> stages_;
};

}  // namespace

Footprint query_plan_footprint(const Attention& a, const Placement& placement, simd::Isa isa) {
  const NativeShape shape = shape_of(a, isa);
  const KvBlocks layout(shape, a.kv_dtype == DType::s8);
  const std::size_t blocks = PackedBlocks::bytes(a, shape, layout);
  const Packed where = packed(a);
  const auto packing = static_cast<std::size_t>(placement.threads) *
                       static_cast<std::size_t>(rounded_up(layout.scratch_bytes(), 4096));
  const std::int64_t given =
      where == Packed::block_by_block ? GivenBlocks::scratch_bytes(layout) : 0;
  return {(where == Packed::in_call ? blocks : 0) + packing +
              query_flash_bytes(shape, given, a.batch * a.kv_heads, placement.threads),
          AttentionOutputs::bytes_per_slot(a) +
              (where == Packed::once ? slot_stride(a, shape, layout) : 0)};
}

std::unique_ptr<Plan> make_query_plan(const Attention& workload, const Inputs& inputs,
                                      const Placement& placement, simd::Isa isa) {
  return std::make_unique<QueryPlan>(workload, inputs, placement, isa);
}

}  // namespace ergon
