#include "kernels/attention/native_blocks.h"

#include <algorithm>
#include <cstring>

namespace ergon {
namespace {

constexpr std::int64_t word = 4, line = 64;  // bytes
constexpr std::int64_t rows_ahead = 16;

}  // namespace

KvBlocks::KvBlocks(const NativeShape& shape, bool scaled)
    : shape_(shape),
      scaled_(scaled),
      width_(shape.tiles.lanes),
      // Packing writes all panels by turns, which are not to crowd one set of the L1 cache.
      panel_(width_ * shape.block * shape.element + line),
      values_at_(shape.block * shape.row) {
  scales_at_ = values_at_ + (shape.v_head_dim + width_ - 1) / width_ * panel_;
  const std::int64_t scales = scaled ? 2 * shape.block * std::int64_t{sizeof(float)} : 0;
  bytes_ = rounded_up(scales_at_ + scales, line);
}

std::int64_t KvBlocks::scratch_bytes() const noexcept {
  return shape_.block * std::max(shape_.row, rounded_up(shape_.v_head_dim * shape_.element, word));
}

KvBlock KvBlocks::at(const std::byte* block) const noexcept {
  const auto* scales = scaled_ ? reinterpret_cast<const float*>(block + scales_at_) : nullptr;
  return {block, block + values_at_, scales, scales == nullptr ? nullptr : scales + shape_.block};
}

void KvBlocks::pack(const KvSource& from, std::int64_t sequence, std::int64_t head,
                    std::int64_t first, std::int64_t count, std::byte* scratch,
                    std::byte* to) const {
  pack_keys(from.keys(sequence, head, first, count, scratch), count, to);
  pack_values(from.values(sequence, head, first, count, scratch), count, to + values_at_);
  pack_scales(from, sequence, head, first, count, to);
}

KvBlock KvBlocks::given(const KvSource& from, std::int64_t sequence, std::int64_t head,
                        std::int64_t first, std::int64_t count, std::byte* scratch,
                        std::byte* to) const {
  const RowsInMemory keys = from.keys(sequence, head, first, count, scratch);
  const bool in_place = keys.first != scratch && keys.stride == shape_.row &&
                        shape_.row == shape_.head_dim * shape_.element;
  if (!in_place) pack_keys(keys, count, to);
  pack_values(from.values(sequence, head, first, count, scratch), count, to + values_at_);
  pack_scales(from, sequence, head, first, count, to);
  KvBlock block = at(to);
  if (in_place) block.keys = keys.first;
  return block;
}

void KvBlocks::pack_scales(const KvSource& from, std::int64_t sequence, std::int64_t head,
                           std::int64_t first, std::int64_t count, std::byte* to) const {
  if (!scaled_) return;
  auto* scales = reinterpret_cast<float*>(to + scales_at_);
  for (std::int64_t i = 0; i < count; ++i) {
    scales[i] = from.key_scale(sequence, head, first + i);
    scales[shape_.block + i] = from.value_scale(sequence, head, first + i);
  }
}

void KvBlocks::put_scale(float scale, std::int64_t key, std::byte* block) const {
  auto* scales = reinterpret_cast<float*>(block + scales_at_);
  scales[key] = scales[shape_.block + key] = scale;
}

void KvBlocks::pack_keys(const RowsInMemory& rows, std::int64_t count, std::byte* to) const {
  const std::int64_t used = shape_.head_dim * shape_.element;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t at = 0; at < used; at += line)
      __builtin_prefetch(rows.first + (i + rows_ahead) * rows.stride + at);
    std::memcpy(to + i * shape_.row, rows.first + i * rows.stride, static_cast<std::size_t>(used));
    std::memset(to + i * shape_.row + used, 0, static_cast<std::size_t>(shape_.row - used));
  }
}

void KvBlocks::pack_values(const RowsInMemory& rows, std::int64_t count, std::byte* to) const {
  for (std::int64_t key = 0; key < count; key += shape_.group) {
    const std::byte* row = rows.first + key * rows.stride;
    for (std::int64_t at = 0; at < shape_.v_head_dim * shape_.element; at += line)
      for (std::int64_t i = 0; i < shape_.group; ++i)
        __builtin_prefetch(row + (rows_ahead + i) * rows.stride + at);
    std::byte* line_of_words = to + key / shape_.group * width_ * word;
    if (shape_.group == 1) {
      for (std::int64_t c = 0; c < shape_.v_head_dim; c += width_)
        std::memcpy(line_of_words + value_panel(c), row + c * word,
                    static_cast<std::size_t>(std::min(width_, shape_.v_head_dim - c) * word));
      continue;
    }
    simd::Weave call;
    call.even = reinterpret_cast<const std::uint16_t*>(row);
    if (key + 1 < count) call.odd = reinterpret_cast<const std::uint16_t*>(row + rows.stride);
    call.columns = shape_.v_head_dim;
    call.to = reinterpret_cast<std::uint32_t*>(line_of_words);
    call.lanes = static_cast<int>(width_);
    call.panel = panel_ / word;
    shape_.softmax.weave(call);
  }
}

void KvBlocks::put(const KvSource& from, std::int64_t sequence, std::int64_t head,
                   std::int64_t token, std::int64_t key, std::byte* scratch, std::byte* to) const {
  pack_keys(from.keys(sequence, head, token, 1, scratch), 1, to + key * shape_.row);
  const RowsInMemory v = from.values(sequence, head, token, 1, scratch);
  std::byte* values = to + values_at_ + key / shape_.group * width_ * word;
  if (key % shape_.group == 0) {
    pack_values(v, 1, values);
  } else {
    for (std::int64_t c = 0; c < shape_.v_head_dim; ++c)
      std::memcpy(values + value_panel(c / width_ * width_) + c % width_ * word + shape_.element,
                  v.first + c * shape_.element, static_cast<std::size_t>(shape_.element));
  }
  if (!scaled_) return;
  auto* scales = reinterpret_cast<float*>(to + scales_at_);
  scales[key] = from.key_scale(sequence, head, token);
  scales[shape_.block + key] = from.value_scale(sequence, head, token);
}

}  // namespace ergon
