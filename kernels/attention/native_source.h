// The operands of a softmax attention as what is multiplied: widened where that is exact, s8 as
// codes whose scales are apart.
#pragma once

#include "kernels/attention/kv.h"
#include "kernels/attention/native_blocks.h"

namespace ergon {

/// `count` elements, exactly: from f32, bf16, f16 or s8 to f32, or from bf16 or s8 to bf16.
void widen_elements(DType from_type, const std::byte* from, DType to_type, std::byte* to,
                    std::int64_t count);

/// Rounded to f32 or bf16.
void narrow_elements(const float* from, DType to_type, std::byte* to, std::int64_t count);

class OperandKv final : public KvSource {
 public:
  OperandKv(const Attention& workload, const Inputs& inputs, std::size_t slot)
      : product_(workload.product_dtype()),
        keys_(workload, inputs, slot, false),
        values_(workload, inputs, slot, true) {}
  void keys(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
            std::byte* to, std::int64_t stride) const override {
    rows(keys_, sequence, head, first, count, to, stride);
  }
  void values(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
              std::byte* to, std::int64_t stride) const override {
    rows(values_, sequence, head, first, count, to, stride);
  }
  float key_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const override {
    return keys_.scale(sequence, key, head);
  }
  float value_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const override {
    return values_.scale(sequence, key, head);
  }

 private:
  void rows(const KvRows& from, std::int64_t sequence, std::int64_t head, std::int64_t first,
            std::int64_t count, std::byte* to, std::int64_t stride) const;

  DType product_;
  KvRows keys_, values_;
};

/// The queries that meet one head of keys: row r is query r % q_len of the head's r / q_len-th head
/// of queries.
class QueryRows {
 public:
  QueryRows(const Attention& workload, const Inputs& inputs, std::size_t slot)
      : a_(workload), q_(inputs.data("q", slot)) {}
  std::int64_t count() const { return a_.q_len * a_.group(); }
  std::int64_t query(std::int64_t row) const { return row % a_.q_len; }
  std::int64_t q_head(std::int64_t head, std::int64_t row) const {
    return head * a_.group() + row / a_.q_len;
  }
  /// Among all rows of q and o.
  std::int64_t place(std::int64_t sequence, std::int64_t head, std::int64_t row) const {
    return (sequence * a_.q_len + query(row)) * a_.q_heads + q_head(head, row);
  }
  /// As what is multiplied; the rest of `stride` bytes is zeros.
  void gather(std::int64_t sequence, std::int64_t head, std::int64_t first, std::int64_t count,
              std::byte* to, std::int64_t stride) const;

 private:
  const Attention& a_;
  const std::byte* q_;
};

}  // namespace ergon
