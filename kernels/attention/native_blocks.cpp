#include "kernels/attention/native_blocks.h"

#include <algorithm>
#include <cstring>

namespace ergon {
namespace {

constexpr std::int64_t word = 4, line = 64;  // bytes

/// Words of V's panels lie `width` side by side, and of keys' panels.
void put_element(std::byte* panel, std::int64_t width, std::int64_t line_of_words, std::int64_t at,
                 std::int64_t part, const std::byte* element, std::int64_t bytes) {
  std::byte* to = panel + (line_of_words * width + at) * word;
  if (part == 0 && bytes < word) std::memset(to, 0, word);
  std::memcpy(to + part * bytes, element, static_cast<std::size_t>(bytes));
}

}  // namespace

KvBlocks::KvBlocks(const NativeShape& shape, bool scaled)
    : shape_(shape),
      scaled_(scaled),
      columns_(shape.v_head_dim,
               shape.few() ? static_cast<int>(shape.panel) : shape.tiles.most_rows),
      values_at_(shape.block * shape.row) {
  const std::int64_t columns =
      shape.few() ? rounded_up(shape.v_head_dim, shape.panel) : shape.v_head_dim;
  scales_at_ = values_at_ + rounded_up(columns * shape.block * shape.element, line);
  const std::int64_t scales = scaled ? 2 * shape.block * std::int64_t{sizeof(float)} : 0;
  bytes_ = rounded_up(scales_at_ + scales, line);
}

std::int64_t KvBlocks::scratch_bytes() const noexcept {
  return shape_.block * std::max(shape_.row, shape_.v_head_dim * shape_.element);
}

KvBlock KvBlocks::at(const std::byte* block) const noexcept {
  const auto* scales = scaled_ ? reinterpret_cast<const float*>(block + scales_at_) : nullptr;
  return {block, block + values_at_, scales, scales == nullptr ? nullptr : scales + shape_.block};
}

void KvBlocks::pack(const KvSource& from, std::int64_t sequence, std::int64_t head,
                    std::int64_t first, std::int64_t count, std::byte* scratch,
                    std::byte* to) const {
  std::byte* rows = shape_.few() ? scratch : to;
  if (shape_.row != shape_.head_dim * shape_.element)
    std::memset(rows, 0, static_cast<std::size_t>(count * shape_.row));
  from.keys(sequence, head, first, count, rows, shape_.row);
  if (shape_.few()) pack_keys(rows, count, to);
  const std::int64_t stride = shape_.v_head_dim * shape_.element;
  from.values(sequence, head, first, count, scratch, stride);
  pack_values(scratch, stride, count, to + values_at_);
  if (!scaled_) return;
  auto* scales = reinterpret_cast<float*>(to + scales_at_);
  for (std::int64_t i = 0; i < count; ++i) {
    scales[i] = from.key_scale(sequence, head, first + i);
    scales[shape_.block + i] = from.value_scale(sequence, head, first + i);
  }
}

void KvBlocks::pack_keys(const std::byte* rows, std::int64_t count, std::byte* to) const {
  for (std::int64_t first = 0; first < count; first += shape_.panel) {
    simd::PackCall call;
    call.from = rows + first * shape_.row;
    call.row_stride = shape_.row;
    call.k_stride = shape_.element;
    call.rows = static_cast<int>(std::min(shape_.panel, count - first));
    call.width = static_cast<int>(shape_.panel);
    call.k = shape_.head_dim;
    call.to = to + first / shape_.panel * panel_bytes();
    shape_.tiles.pack(call);
  }
}

void KvBlocks::pack_values(const std::byte* rows, std::int64_t stride, std::int64_t count,
                           std::byte* to) const {
  const std::int64_t panel = shape_.few() ? shape_.panel : 0;
  for (std::int64_t tile = 0; tile < columns_.tiles; ++tile) {
    const std::int64_t first = panel > 0 ? tile * panel : columns_.first(tile);
    simd::PackCall call;
    call.from = rows + first * shape_.element;
    call.row_stride = shape_.element;
    call.k_stride = stride;
    call.rows = panel > 0 ? static_cast<int>(std::min(panel, shape_.v_head_dim - first))
                          : columns_.size(tile);
    call.width = panel > 0 ? static_cast<int>(panel) : call.rows;
    call.k = count;
    call.to = to + value_panel(first);
    shape_.tiles.pack(call);
  }
}

void KvBlocks::put(const KvSource& from, std::int64_t sequence, std::int64_t head,
                   std::int64_t token, std::int64_t key, std::byte* scratch, std::byte* to) const {
  std::memset(scratch, 0, static_cast<std::size_t>(shape_.row));
  from.keys(sequence, head, token, 1, scratch, shape_.row);
  if (shape_.few()) {
    std::byte* panel = to + key / shape_.panel * panel_bytes();
    for (std::int64_t i = 0; i < shape_.words; ++i)
      put_element(panel, shape_.panel, i, key % shape_.panel, 0, scratch + i * word, word);
  } else {
    std::memcpy(to + key * shape_.row, scratch, static_cast<std::size_t>(shape_.row));
  }
  from.values(sequence, head, token, 1, scratch, shape_.v_head_dim * shape_.element);
  std::byte* values = to + values_at_;
  const std::int64_t panel = shape_.few() ? shape_.panel : 0;
  for (std::int64_t tile = 0; tile < columns_.tiles; ++tile) {
    const std::int64_t first = panel > 0 ? tile * panel : columns_.first(tile);
    const std::int64_t size =
        panel > 0 ? std::min(panel, shape_.v_head_dim - first) : columns_.size(tile);
    for (std::int64_t i = 0; i < size; ++i)
      put_element(values + value_panel(first), panel > 0 ? panel : size, key / shape_.group, i,
                  key % shape_.group, scratch + (first + i) * shape_.element, shape_.element);
  }
  if (!scaled_) return;
  auto* scales = reinterpret_cast<float*>(to + scales_at_);
  scales[key] = from.key_scale(sequence, head, token);
  scales[shape_.block + key] = from.value_scale(sequence, head, token);
}

}  // namespace ergon
