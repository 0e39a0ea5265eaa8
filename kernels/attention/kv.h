// The cached keys and values of a softmax attention as its operands hold them.
//
//   "k", "v"             [batch, kv_len, kv_heads, width], or where the cache is paged
//                        [pages, page, kv_heads, width]
//   "k_scale", "v_scale" f32, the same without the width; of s8
//   "block_table"        s32 [batch, pages of the longest sequence]: where the pages of a sequence
//                        are; entries past its end name page 0, which holds no key
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention/attention.h"

namespace ergon {

/// Where the rows of "k" or of "v" are. A row is one key's, or value's, `width` elements of a head.
class KvRows {
 public:
  KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot, bool values);

  const std::byte* row(std::int64_t sequence, std::int64_t token, std::int64_t head) const {
    return data_ + (place(sequence, token) * heads_ + head) * width_ * element_;
  }
  /// 1 where rows have none.
  float scale(std::int64_t sequence, std::int64_t token, std::int64_t head) const {
    return scales_ == nullptr ? 1.0F : scales_[place(sequence, token) * heads_ + head];
  }
  /// Keys from `token` on whose rows lie `stride` bytes apart.
  std::int64_t together(std::int64_t token) const {
    return page_ > 0 ? page_ - token % page_ : kv_len_ - token;
  }
  std::int64_t stride() const { return heads_ * width_ * element_; }
  std::int64_t width() const { return width_; }
  DType dtype() const { return dtype_; }
  bool scaled() const { return scales_ != nullptr; }
  /// Of a row, scale applied.
  void widened(std::int64_t sequence, std::int64_t token, std::int64_t head, double* to) const;

 private:
  std::int64_t place(std::int64_t sequence, std::int64_t token) const {
    if (table_ == nullptr) return sequence * kv_len_ + token;
    return std::int64_t{table_[sequence * pages_ + token / page_]} * page_ + token % page_;
  }

  DType dtype_;
  std::int64_t heads_, width_, kv_len_, page_, pages_, element_;
  const std::byte* data_;
  const float* scales_ = nullptr;
  const std::int32_t* table_ = nullptr;
};

/// Pages of the longest sequence, and of all; 0 where the cache is not paged.
std::int64_t pages_of_a_sequence(const Attention& workload) noexcept;
std::int64_t pages_of_all(const Attention& workload) noexcept;

}  // namespace ergon
