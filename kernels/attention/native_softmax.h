// Softmax attention by our own loops: the plans, and what both share.
#pragma once

#include <memory>

#include "kernels/attention/native_flash.h"
#include "kernels/attention/native_source.h"

namespace ergon {

/// Rows of a softmax attention in a slot.
class SoftmaxRows final : public FlashRows {
 public:
  /// `sinks` of the heads; nullptr: none.
  SoftmaxRows(const Attention& a, const std::byte* q, const float* sinks,
              const simd::TileSet& floats, std::byte* o)
      : a_(a), rows_(a, q, floats), sinks_(sinks), o_(o) {}
  SoftmaxRows(const Attention& a, const Inputs& inputs, std::size_t slot,
              const simd::TileSet& floats, std::byte* o)
      : SoftmaxRows(a, inputs.data("q", slot), a.sinks ? inputs.as<float>("sink", slot) : nullptr,
                    floats, o) {}
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
  EvenRows read(std::int64_t sequence, std::int64_t head, std::int64_t first,
                std::int64_t count) const override {
    return rows_.read(sequence, head, first, count);
  }
  EvenRows written(std::int64_t sequence, std::int64_t head, std::int64_t first,
                   std::int64_t count) const override {
    return rows_.written(sequence, head, first, count, o_);
  }

 private:
  const Attention& a_;
  QueryRows rows_;
  const float* sinks_;
  std::byte* o_;
};

inline FlashProblem flash_problem(const Attention& a) {
  return {a.batch, a.kv_heads,
          rounded_up(a.head_dim * static_cast<std::int64_t>(size_of(a.product_dtype())), 4),
          a.scale, a.soft_cap};
}

// Queries in lanes: prefill, and decoding where more queries meet a head of keys than a tile takes.
Footprint query_plan_footprint(const Attention& workload, const Placement& placement,
                               simd::Isa isa);
std::unique_ptr<Plan> make_query_plan(const Attention& workload, const Inputs& inputs,
                                      const Placement& placement, simd::Isa isa);

// Keys in lanes: decoding, where decodes_by_keys().
Footprint key_plan_footprint(const Attention& workload, const Placement& placement, simd::Isa isa);
std::unique_ptr<Plan> make_key_plan(const Attention& workload, const Inputs& inputs,
                                    const Placement& placement, simd::Isa isa);
bool decodes_by_keys(const Attention& workload, simd::Isa isa);

}  // namespace ergon
