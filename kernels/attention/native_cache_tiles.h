// What caches of words and of halves share: both products are tiles whose right words lie in panels
// (simd/tile.h, simd/half_tiles.h).
#pragma once

#include "kernels/attention/native_cache.h"

namespace ergon {

class TiledCache : public KeyCache {
 public:
  std::int64_t block() const override { return block_; }
  std::int64_t bytes() const override { return bytes_; }
  std::int64_t columns() const override { return rounded_up(v_head_dim_, panel_); }
  const float* key_scale(const std::byte* /*block*/) const override { return nullptr; }
  const float* value_scale(const std::byte* /*block*/) const override { return nullptr; }
  std::int64_t scratch_bytes(std::int64_t /*rows*/) const override { return 0; }
  std::int64_t query_bytes(std::int64_t rows) const override { return rows * words_ * left_word; }
  void arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const override;
  void logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
              std::int64_t count, float* logits, std::int64_t stride,
              std::byte* scratch) const override;
  void add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                  std::int64_t rows, std::int64_t count, float* o,
                  std::byte* scratch) const override;

 protected:
  static constexpr std::int64_t left_word = 4;  // bytes
  struct Tiles {
    const simd::Tile* most_vectors;  // [rows - 1]
    int most_rows, lanes, vectors;
  };
  /// A right word is `group` elements in `right_word` bytes.
  TiledCache(const Attention& workload, const Tiles& tiles, std::int64_t group,
             std::int64_t right_word);

  /// Of keys, the one that holds key `at`; of values, the one that begins at column c.
  std::byte* key_panel(std::byte* block, std::int64_t at) const {
    return block + at / panel_ * panel_ * words_ * right_word_;
  }
  std::byte* value_panel(std::byte* block, std::int64_t c) const {
    return block + values_at_ + c * block_ / group_ * right_word_;
  }

  const Tiles tiles_;
  const std::int64_t group_, right_word_, head_dim_, v_head_dim_, words_, panel_, block_,
      values_at_, bytes_;

 private:
  /// The call's left, to and start are those of all rows, which are cut into tiles.
  void multiply(simd::TileCall& call, std::int64_t rows) const;
  simd::TileCall call_of(std::int64_t groups) const;
};

}  // namespace ergon
