// Attention by our own kernels (docs/attention.md).
//
//   pack     keys and values into blocks in the order of their use: in every call of a prefill,
//   whose
//            keys are new; once where they are a cache that decoding reads
//   append   decoding: the new tokens' keys and values into their blocks
//   attend   native_flash.h
#include <utility>

#include "kernels/attention/native_flash.h"
#include "kernels/attention/native_source.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

NativeShape shape_of(const Attention& a, simd::Isa isa) {
  return {a.product_dtype(), a.q_len * a.group(), a.head_dim, a.v_head_dim, isa};
}

/// Rows of a softmax attention in a slot.
class SoftmaxRows final : public FlashRows {
 public:
  SoftmaxRows(const Attention& a, const Inputs& inputs, std::size_t slot,
              const simd::TileSet& floats, std::byte* o)
      : a_(a),
        rows_(a, inputs, slot, floats),
        sinks_(a.sinks ? inputs.as<float>("sink", slot) : nullptr),
        o_(o) {}
  RowsInMemory queries(std::int64_t sequence, std::int64_t head, std::int64_t first,
                       std::int64_t count, std::byte* scratch) const override {
    return rows_.queries(sequence, head, first, count, scratch);
  }
  KeyRange seen(std::int64_t sequence, std::int64_t row) const override {
    return a_.keys(sequence, rows_.query(row));
  }
  const float* sink(std::int64_t head, std::int64_t row) const override {
    return sinks_ == nullptr ? nullptr : sinks_ + rows_.q_head(head, row);
  }
  void write(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
             const float* values, std::int64_t stride) const override {
    rows_.write(sequence, head, first, count, values, stride, o_);
  }

 private:
  const Attention& a_;
  QueryRows rows_;
  const float* sinks_;
  std::byte* o_;
};

/// Packed blocks of every head of keys of a slot.
class PackedBlocks final : public FlashBlocks {
 public:
  PackedBlocks(const Attention& a, const NativeShape& shape, const KvBlocks& layout,
               std::byte* data)
      : heads_(a.kv_heads), blocks_(blocks_of_a_head(a, shape)), layout_(layout), data_(data) {}
  static std::int64_t blocks_of_a_head(const Attention& a, const NativeShape& shape) {
    return (a.kv_len + shape.block - 1) / shape.block;
  }
  std::byte* place(std::int64_t sequence, std::int64_t head, std::int64_t index) const {
    return data_ + ((sequence * heads_ + head) * blocks_ + index) * layout_.bytes();
  }
  std::int64_t block_scratch() const override { return 0; }
  KvBlock block(std::int64_t sequence, std::int64_t head, std::int64_t index,
                std::byte* /*scratch*/) const override {
    return layout_.at(place(sequence, head, index));
  }

 private:
  std::int64_t heads_, blocks_;
  const KvBlocks& layout_;
  std::byte* data_;
};

class NativePlan final : public Plan {
 public:
  NativePlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        inputs_(inputs),
        threads_(placement.threads),
        shape_(shape_of(a_, isa)),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        layout_(shape_, a.kv_dtype == DType::s8),
        decodes_(a.phase == Phase::decode),
        outputs_(a_, *placement.device, placement.slots) {
    const SoftmaxRows rows(a_, inputs, 0, floats_, nullptr);
    flash_ =
        make_flash({a.batch, a.kv_heads, a.scale, a.soft_cap}, shape_, layout_, rows, 0, threads_);
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      packed_ = placement.device->allocate(packed_bytes(a_, shape_, layout_) *
                                           (decodes_ ? placement.slots : 1));
    }
    scratch_ = HostMemory(scratch_stride() * static_cast<std::size_t>(threads_));
    const double kv = a.work().bytes,
                 written = static_cast<double>(packed_bytes(a_, shape_, layout_));
    stages_.push_back({"pack", !decodes_, {0, kv + written}});
    if (decodes_) {
      const double tokens = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
      stages_.push_back({"append", true, {0, 2 * tokens * *a.kv_bytes_per_token()}});
    }
    stages_.push_back({"attend", true, a.work()});
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0)
      pack(slot);
    else if (stage + 1 < stages_.size())
      append(slot);
    else
      flash_->run(SoftmaxRows(a_, inputs_, slot, floats_, outputs_.data(0, slot)), blocks(slot));
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(shape_.tiles.isa)) + ": " +
           std::string(shape_.tiles.instruction) + ", lanes are " +
           (shape_.few() ? "keys" : "queries") + ", blocks of " + std::to_string(shape_.block) +
           " keys";
  }

  static std::size_t packed_bytes(const Attention& a, const NativeShape& shape,
                                  const KvBlocks& layout) {
    return static_cast<std::size_t>(rounded_up(
        a.batch * a.kv_heads * PackedBlocks::blocks_of_a_head(a, shape) * layout.bytes(), 4096));
  }

 private:
  PackedBlocks blocks(std::size_t slot) const {
    const std::size_t at = decodes_ ? slot * packed_bytes(a_, shape_, layout_) : 0;
    return {a_, shape_, layout_, packed_->host() + at};
  }
  std::size_t scratch_stride() const {
    return static_cast<std::size_t>(rounded_up(layout_.scratch_bytes(), 4096));
  }

  void pack(std::size_t slot) const {
    const OperandKv source(a_, inputs_, slot);
    const PackedBlocks to = blocks(slot);
    const std::int64_t each = PackedBlocks::blocks_of_a_head(a_, shape_);
    const std::int64_t all = a_.batch * a_.kv_heads * each;
    on_team(threads_, [&](int thread, int team) {
      std::byte* scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_stride();
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i) {
        // Heads of a token lie side by side.
        const std::int64_t head = i % a_.kv_heads, index = i / a_.kv_heads % each;
        const std::int64_t sequence = i / each / a_.kv_heads, first = index * shape_.block;
        const std::int64_t count = std::min(shape_.block, a_.length(sequence) - first);
        if (count > 0)
          layout_.pack(source, sequence, head, first, count, scratch,
                       to.place(sequence, head, index));
      }
    });
  }

  void append(std::size_t slot) const {
    const OperandKv source(a_, inputs_, slot);
    const PackedBlocks to = blocks(slot);
    for (std::int64_t b = 0; b < a_.batch; ++b)
      for (std::int64_t token = std::max<std::int64_t>(0, a_.length(b) - a_.q_len);
           token < a_.length(b); ++token)
        for (std::int64_t h = 0; h < a_.kv_heads; ++h)
          layout_.put(source, b, h, token, token % shape_.block, scratch_.data(),
                      to.place(b, h, token / shape_.block));
  }

  const Attention a_;
  const Inputs& inputs_;
  int threads_;
  const NativeShape shape_;
  const simd::TileSet& floats_;
  const KvBlocks layout_;
  bool decodes_;
  AttentionOutputs outputs_;
  std::unique_ptr<Flash> flash_;
  std::unique_ptr<Buffer> packed_;
  HostMemory scratch_;
  std::vector<Stage> stages_;
};

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
    const NativeShape shape = shape_of(a, isa_);
    const KvBlocks layout(shape, a.kv_dtype == DType::s8);
    const std::size_t packed = NativePlan::packed_bytes(a, shape, layout);
    const bool decodes = a.phase == Phase::decode;
    const std::size_t o = AttentionOutputs::bytes_per_slot(a);
    return {(decodes ? 0 : packed) + flash_footprint(shape, placement.threads),
            o + (decodes ? packed : 0)};
  }
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    return std::make_unique<NativePlan>(dynamic_cast<const Attention&>(workload), inputs, placement,
                                        isa_);
  }

 private:
  /// Scratch of all threads, and as many partial results: not more.
  static std::size_t flash_footprint(const NativeShape& shape, int threads) {
    const std::int64_t rows = std::min<std::int64_t>(rounded_up(shape.q_rows, 64), 64);
    const std::int64_t floats =
        shape.block * rows + rows * shape.head_dim * 2 + 3 * rows * (shape.v_head_dim + 16);
    return static_cast<std::size_t>(threads) * static_cast<std::size_t>(4 * floats + 65536);
  }

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
