#include "kernels/attention/native_cache_tiles.h"

#include <cstring>

#include "kernels/simd/tile_cut.h"

namespace ergon {

TiledCache::TiledCache(const Attention& workload, const Tiles& tiles, std::int64_t group,
                       std::int64_t right_word)
    : tiles_(tiles),
      group_(group),
      right_word_(right_word),
      head_dim_(workload.head_dim),
      v_head_dim_(workload.v_head_dim),
      words_((head_dim_ + group - 1) / group),
      panel_(std::int64_t{tiles.lanes} * tiles.vectors),
      block_(rounded_up(128, panel_)),
      values_at_(block_ * words_ * right_word),
      bytes_(rounded_up(values_at_ + block_ / group * rounded_up(v_head_dim_, panel_) * right_word,
                        64)) {}

void TiledCache::arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const {
  const std::int64_t row = words_ * left_word;
  for (std::int64_t r = 0; r < rows; ++r)
    std::memcpy(to + r * row, queries.first + r * queries.stride, static_cast<std::size_t>(row));
}

void TiledCache::logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
                        std::int64_t count, float* logits, std::int64_t stride,
                        std::byte* /*scratch*/) const {
  simd::TileCall call = call_of(words_);
  call.left = queries;
  call.left_row = words_ * left_word;
  call.to_row = stride * static_cast<std::int64_t>(sizeof(float));
  for (std::int64_t key = 0; key < count; key += panel_) {
    call.right = block + key * words_ * right_word_;
    call.to = reinterpret_cast<std::byte*>(logits + key);
    multiply(call, rows);
  }
}

void TiledCache::add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                            std::int64_t rows, std::int64_t count, float* o,
                            std::byte* /*scratch*/) const {
  simd::TileCall call = call_of((count + group_ - 1) / group_);
  call.left = weights;
  call.left_row = stride;
  call.to_row = call.start_row = columns() * static_cast<std::int64_t>(sizeof(float));
  for (std::int64_t c = 0; c < columns(); c += panel_) {
    call.right = block + values_at_ + c * block_ / group_ * right_word_;
    call.to = reinterpret_cast<std::byte*>(o + c);
    call.start = call.to;
    multiply(call, rows);
  }
}

void TiledCache::multiply(simd::TileCall& call, std::int64_t rows) const {
  const TileCut cut(rows, tiles_.most_rows);
  const std::byte* left = call.left;
  std::byte* to = call.to;
  for (std::int64_t t = 0; t < cut.tiles; ++t) {
    call.left = left + cut.first(t) * call.left_row;
    call.to = to + cut.first(t) * call.to_row;
    if (call.start != nullptr) call.start = call.to;
    call.ahead = t == 0 ? cache_ahead : 0;  // then it has been asked for
    tiles_.most_vectors[cut.size(t) - 1](call);
  }
  call.left = left;
}

simd::TileCall TiledCache::call_of(std::int64_t groups) const {
  simd::TileCall call;
  call.groups = groups;
  call.left_group = left_word;
  call.right_group = panel_ * right_word_;
  call.columns = tiles_.lanes;
  return call;
}

}  // namespace ergon
