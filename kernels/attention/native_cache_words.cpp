#include <algorithm>
#include <cstring>

#include "kernels/attention/native_cache.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t word = 4, line = 64;  // bytes

class WordCache final : public KeyCache {
 public:
  WordCache(const Attention& a, simd::Isa isa)
      : set_(simd::best_tile_set(
            a.kv_dtype == DType::bf16 ? simd::Product::bf16 : simd::Product::f32, isa, cpu_info())),
        dtype_(a.kv_dtype),
        element_(static_cast<std::int64_t>(size_of(a.kv_dtype))),
        group_(word / element_),
        head_dim_(a.head_dim),
        v_head_dim_(a.v_head_dim),
        words_((a.head_dim + group_ - 1) / group_),
        panel_(set_.panel()),
        block_(rounded_up(128, panel_)),
        values_at_(block_ * words_ * word),
        bytes_(rounded_up(values_at_ + block_ * columns() * element_, line)) {}

  std::string instruction() const override { return std::string(set_.instruction); }
  int most_rows() const override { return set_.most_rows; }
  std::int64_t block() const override { return block_; }
  std::int64_t bytes() const override { return bytes_; }
  DType weights() const override { return dtype_; }
  std::int64_t columns() const override { return rounded_up(v_head_dim_, panel_); }
  const float* key_scale(const std::byte* /*block*/) const override { return nullptr; }
  const float* value_scale(const std::byte* /*block*/) const override { return nullptr; }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t count, std::int64_t at,
           std::byte* block) const override {
    for (std::int64_t i = 0; i < count;) {
      const std::int64_t some =
          std::min({count - i, keys.together(first + i), panel_ - (at + i) % panel_});
      put_keys(keys.row(sequence, first + i, head), keys.stride(), some, at + i, block);
      for (std::int64_t j = i; j < i + some; ++j)
        put_value(values.row(sequence, first + j, head), at + j, block + values_at_);
      i += some;
    }
  }

  std::int64_t query_bytes(std::int64_t rows) const override { return rows * words_ * word; }
  void arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const override {
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(to + r * words_ * word, queries.first + r * queries.stride,
                  static_cast<std::size_t>(words_ * word));
  }

  void logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
              std::int64_t count, float* logits, std::int64_t stride) const override {
    simd::TileCall call = call_of(words_);
    call.left = queries;
    call.left_row = words_ * word;
    call.to_row = stride * word;
    for (std::int64_t key = 0; key < count; key += panel_) {
      call.right = block + key * words_ * word;
      call.to = reinterpret_cast<std::byte*>(logits + key);
      set_.tile(static_cast<int>(rows), set_.most_vectors)(call);
    }
  }

  std::int64_t value_scratch(std::int64_t /*rows*/) const override { return 0; }
  void add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                  std::int64_t rows, std::int64_t count, float* o,
                  std::byte* /*scratch*/) const override {
    simd::TileCall call = call_of((count + group_ - 1) / group_);
    call.left = weights;
    call.left_row = stride;
    call.to_row = call.start_row = columns() * word;
    for (std::int64_t c = 0; c < columns(); c += panel_) {
      call.right = block + values_at_ + c * block_ * element_;
      call.to = reinterpret_cast<std::byte*>(o + c);
      call.start = call.to;
      set_.tile(static_cast<int>(rows), set_.most_vectors)(call);
    }
  }

 private:
  simd::TileCall call_of(std::int64_t groups) const {
    simd::TileCall call;
    call.groups = groups;
    call.left_group = word;
    call.right_group = panel_ * word;
    call.columns = set_.lanes;
    call.ahead = cache_ahead;
    return call;
  }

  /// Keys of one panel.
  void put_keys(const std::byte* rows, std::int64_t stride, std::int64_t count, std::int64_t at,
                std::byte* block) const {
    std::byte* panel = block + at / panel_ * panel_ * words_ * word;
    if (at % panel_ == 0 && count > 1) {
      simd::PackCall call;
      call.from = rows;
      call.row_stride = stride;
      call.k_stride = element_;
      call.rows = static_cast<int>(count);
      call.width = static_cast<int>(panel_);
      call.k = head_dim_;
      call.to = panel;
      return set_.pack(call);
    }
    const std::int64_t bytes = head_dim_ * element_;
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t w = 0; w < words_; ++w)
        std::memcpy(panel + (w * panel_ + at % panel_ + i) * word, rows + i * stride + w * word,
                    static_cast<std::size_t>(std::min(word, bytes - w * word)));
  }

  /// Its words' other keys stay, or are zeros where they come later.
  void put_value(const std::byte* row, std::int64_t at, std::byte* values) const {
    const std::int64_t part = at % group_;
    for (std::int64_t c = 0; c < v_head_dim_; c += panel_) {
      std::byte* to = values + (c * block_ / group_ + at / group_ * panel_) * word;
      const std::int64_t some = std::min(panel_, v_head_dim_ - c);
      if (group_ == 1) {
        std::memcpy(to, row + c * word, static_cast<std::size_t>(some * word));
        continue;
      }
      const auto* from = reinterpret_cast<const std::uint16_t*>(row) + c;
      auto* words = reinterpret_cast<std::uint32_t*>(to);
      if (part == 0) {
        for (std::int64_t i = 0; i < some; ++i) words[i] = from[i];
      } else {
        for (std::int64_t i = 0; i < some; ++i)
          words[i] = (words[i] & 0xffffU) | std::uint32_t{from[i]} << 16;
      }
    }
  }

  const simd::TileSet& set_;
  DType dtype_;
  std::int64_t element_, group_, head_dim_, v_head_dim_, words_, panel_, block_, values_at_, bytes_;
};

}  // namespace

std::unique_ptr<KeyCache> make_word_cache(const Attention& workload, simd::Isa isa) {
  return std::make_unique<WordCache>(workload, isa);
}

}  // namespace ergon
