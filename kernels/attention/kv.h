// Cached rows of tokens as operands hold them.
//
//   "k", "v"             [batch, kv_len, kv_heads, width], or where the cache is paged
//                        [pages, page, kv_heads, width]
//   "latent", "index_k"  the same without the heads (structures mla and sparse)
//   "k_scale", ...       f32, the same without the width; of s8
//   "block_table"        s32 [batch, pages of the longest sequence]: where the pages of a sequence
//                        are; entries past its end name page 0, which holds no key
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

/// Where the rows of one operand are. A row is one token's `width` elements of a head.
class KvRows {
 public:
  /// Of "k" or of "v".
  KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot, bool values);
  /// Of `operand`; one of no heads has 1.
  KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot,
         const std::string& operand, std::int64_t heads, std::int64_t width);

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

/// Of an operand of rows without heads, [batch, kv_len, width] or [pages, page, width]; with its
/// scales where there are any.
void add_rows(std::vector<NamedDesc>& operands, const Attention& workload, const std::string& name,
              std::int64_t width);
/// Of a row, scale included.
double bytes_of_a_row(const Attention& workload, std::int64_t width) noexcept;
/// Keys that some query sees, over all sequences; and all that these have.
double seen_keys(const Attention& workload) noexcept;
double all_keys(const Attention& workload) noexcept;
/// That one query sees.
std::int64_t most_keys_of_a_query(const Attention& workload) noexcept;

/// Pages of the longest sequence, and of all; 0 where the cache is not paged.
std::int64_t pages_of_a_sequence(const Attention& workload) noexcept;
std::int64_t pages_of_all(const Attention& workload) noexcept;

}  // namespace ergon
