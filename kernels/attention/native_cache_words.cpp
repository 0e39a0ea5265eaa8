#include <algorithm>
#include <cstring>

#include "kernels/attention/native_cache_tiles.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t word = 4;  // bytes

const simd::TileSet& set_of(const Attention& a, simd::Isa isa) {
  const auto product = a.kv_dtype == DType::bf16 ? simd::Product::bf16 : simd::Product::f32;
  return simd::best_tile_set(product, isa, cpu_info());
}

class WordCache final : public TiledCache {
 public:
  WordCache(const Attention& a, const simd::TileSet& set)
      : TiledCache(a,
                   {set.tiles + std::int64_t{set.most_vectors - 1} * set.most_rows, set.most_rows,
                    set.lanes, set.most_vectors},
                   word / static_cast<std::int64_t>(size_of(a.kv_dtype)), word),
        set_(set),
        dtype_(a.kv_dtype),
        element_(static_cast<std::int64_t>(size_of(a.kv_dtype))) {}

  std::string instruction() const override { return std::string(set_.instruction); }
  std::int64_t most_rows() const override { return tiles_.most_rows; }
  DType weights() const override { return dtype_; }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t count, std::int64_t at,
           std::byte* block) const override {
    for (std::int64_t i = 0; i < count;) {
      const std::int64_t some =
          std::min({count - i, keys.together(first + i), panel_ - (at + i) % panel_});
      put_keys(keys.row(sequence, first + i, head), keys.stride(), some, at + i,
               key_panel(block, at + i));
      for (std::int64_t j = i; j < i + some; ++j)
        put_value(values.row(sequence, first + j, head), at + j, block);
      i += some;
    }
  }

 private:
  /// Keys of one panel.
  void put_keys(const std::byte* rows, std::int64_t stride, std::int64_t count, std::int64_t at,
                std::byte* panel) const {
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
  void put_value(const std::byte* row, std::int64_t at, std::byte* block) const {
    const std::int64_t part = at % group_;
    for (std::int64_t c = 0; c < v_head_dim_; c += panel_) {
      std::byte* to = value_panel(block, c) + at / group_ * panel_ * word;
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
  std::int64_t element_;
};

}  // namespace

std::unique_ptr<KeyCache> make_word_cache(const Attention& workload, simd::Isa isa) {
  return std::make_unique<WordCache>(workload, set_of(workload, isa));
}

}  // namespace ergon
