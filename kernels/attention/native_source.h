// The operands of a softmax attention as what is multiplied: widened where that is exact, s8 as
// codes whose scales are apart.
#pragma once

#include "kernels/attention/kv.h"
#include "kernels/attention/native_blocks.h"

namespace ergon {

/// `count` elements, exactly: from f32, bf16, f16 or s8 to f32, or from bf16 or s8 to bf16.
void widen_elements(DType from_type, const std::byte* from, DType to_type, std::byte* to,
                    std::int64_t count, simd::Isa isa);

class OperandKv final : public KvSource {
 public:
  /// "k" and "v".
  OperandKv(const Attention& workload, const Inputs& inputs, std::size_t slot, simd::Isa isa)
      : product_(workload.product_dtype()),
        isa_(isa),
        keys_(workload, inputs, slot, false),
        values_(workload, inputs, slot, true) {}
  /// "latent", of which the first elements are the values too.
  static OperandKv latent(const Attention& workload, const Inputs& inputs, std::size_t slot,
                          simd::Isa isa) {
    const KvRows rows(workload, inputs, slot, "latent", 1, workload.latent_dim());
    return {workload.product_dtype(), isa, rows, rows};
  }
  RowsInMemory keys(std::int64_t sequence, std::int64_t head, std::int64_t first,
                    std::int64_t count, std::byte* scratch) const override {
    return rows(keys_, sequence, head, first, count, scratch);
  }
  RowsInMemory values(std::int64_t sequence, std::int64_t head, std::int64_t first,
                      std::int64_t count, std::byte* scratch) const override {
    return rows(values_, sequence, head, first, count, scratch);
  }
  float key_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const override {
    return keys_.scale(sequence, key, head);
  }
  float value_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const override {
    return values_.scale(sequence, key, head);
  }

 private:
  RowsInMemory rows(const KvRows& from, std::int64_t sequence, std::int64_t head,
                    std::int64_t first, std::int64_t count, std::byte* scratch) const;

  OperandKv(DType product, simd::Isa isa, const KvRows& keys, const KvRows& values)
      : product_(product), isa_(isa), keys_(keys), values_(values) {}

  DType product_;
  simd::Isa isa_;
  KvRows keys_, values_;
};

/// The queries that meet one head of keys, and their rows of o: row r is query r % q_len of the
/// head's r / q_len-th head of queries.
class QueryRows {
 public:
  QueryRows(const Attention& workload, const std::byte* q, const simd::TileSet& floats)
      : a_(workload), q_(q), floats_(floats) {}
  std::int64_t query(std::int64_t row) const { return row % a_.q_len; }
  std::int64_t q_head(std::int64_t head, std::int64_t row) const {
    return head * a_.group() + row / a_.q_len;
  }
  /// As FlashRows says.
  RowsInMemory queries(std::int64_t sequence, std::int64_t head, std::int64_t first,
                       std::int64_t count, std::byte* scratch) const;
  void write(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
             const float* values, std::int64_t stride, std::byte* o) const;
  EvenRows read(std::int64_t sequence, std::int64_t head, std::int64_t first,
                std::int64_t count) const {
    return even(q_, a_.head_dim, sequence, head, first, count);
  }
  EvenRows written(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
                   const std::byte* o) const {
    return even(o, a_.v_head_dim, sequence, head, first, count);
  }

 private:
  /// Rows of `all`, `width` elements each.
  EvenRows even(const std::byte* all, std::int64_t width, std::int64_t sequence, std::int64_t head,
                std::int64_t first, std::int64_t count) const;
  /// Among all rows of q and o.
  std::int64_t place(std::int64_t sequence, std::int64_t head, std::int64_t row) const {
    return (sequence * a_.q_len + query(row)) * a_.q_heads + q_head(head, row);
  }
  /// Rows from `first` on that lie `step` places apart.
  struct Run {
    std::int64_t rows, step;
  };
  Run run(std::int64_t first, std::int64_t count) const;

  const Attention& a_;
  const std::byte* q_;
  const simd::TileSet& floats_;
};

}  // namespace ergon
