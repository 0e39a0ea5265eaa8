#include "kernels/qmatmul/native_left.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ergon {
namespace {

constexpr std::int64_t line = 64;

std::int64_t rounded(std::int64_t bytes) { return (bytes + line - 1) / line * line; }

template <class T>
void store_at(std::byte* to, std::int64_t index, T value) {
  std::memcpy(to + index * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
}

/// Word i of a row goes to every `rows`-th place.
void spread_words(const std::byte* from, std::int64_t words, std::byte* to, int rows) {
  for (std::int64_t i = 0; i < words; ++i) std::memcpy(to + i * rows * 4, from + i * 4, 4);
}

}  // namespace

LeftRows::LeftRows(const QMatmul& workload, const simd::QTileSet& set)
    : workload_(workload),
      set_(set),
      row_bytes_(0),
      groups_per_row_(0),
      offset_(code_offset(workload, set)) {
  const bool integers = simd::multiplies_s8(set.product.kind);
  const std::int64_t element = integers ? 1 : set.left_f32 ? 4 : 2;
  row_bytes_ = PanelShape(workload, set).depth * element;
  if (integers) groups_per_row_ = workload.layout.groups();
  groups_at_ = static_cast<std::size_t>(rounded(workload.m * row_bytes_));
  group_bytes_ = static_cast<std::size_t>(workload.m * groups_per_row_ * 8);
}

void LeftRows::put(const Inputs& inputs, std::size_t slot, std::int64_t index, std::byte* left,
                   std::int64_t first, int r, int rows) const {
  std::byte* words = this->words(left, first) + 4 * static_cast<std::ptrdiff_t>(r);
  std::byte* groups = this->groups(left, first) + 4 * static_cast<std::ptrdiff_t>(r);
  const std::int64_t k = workload_.k;
  const DType type = workload_.x_dtype();
  const std::byte* x =
      inputs.data("x", slot) + index * k * static_cast<std::int64_t>(size_of(type));
  std::vector<std::byte> buffer(static_cast<std::size_t>(row_bytes_));
  const auto group_of = [&](std::int64_t g, float scale, std::int32_t sum) {
    store_at(groups, 2 * g * rows, -offset_ * sum);
    store_at(groups, (2 * g + 1) * rows, scale);
  };
  if (workload_.activation_group() != 0) {
    const std::int64_t count = workload_.activation_group();
    const bool half = workload_.format->activations == Activations::s8_in_blocks;
    const auto bytes = count * static_cast<std::int64_t>(size_of(type));
    for (std::int64_t g = 0; g < groups_per_row_; ++g) {
      const simd::QuantizedGroup group =
          set_.quantize(x + g * bytes, type == DType::bf16, count, half,
                        reinterpret_cast<std::int8_t*>(buffer.data()) + g * count);
      group_of(g, group.scale, group.sum);
    }
  } else if (type == DType::s8) {
    std::memcpy(buffer.data(), x, static_cast<std::size_t>(k));
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i) sum += static_cast<std::int8_t>(x[i]);
    group_of(0, inputs.as<float>("x_scale", slot)[index], sum);
  } else if (set_.left_f32) {
    for (std::int64_t i = 0; i < k; ++i)
      store_at(buffer.data(), i, static_cast<float>(load(type, x, i)));
  } else {
    std::memcpy(buffer.data(), x, static_cast<std::size_t>(2 * k));
  }
  spread_words(buffer.data(), row_bytes_ / 4, words, rows);
}

LeftTiles::LeftTiles(const QMatmul& workload, const simd::QTileSet& set)
    : places_(workload, set),
      cut_(workload.m, set.most_rows),
      in_place_(!simd::multiplies_s8(set.product.kind) && !set.left_f32 && workload.m == 1 &&
                PanelShape(workload, set).depth == workload.k) {}

void LeftTiles::fill(const Inputs& inputs, std::size_t slot, std::int64_t first, std::int64_t end,
                     std::byte* left) const {
  for (std::int64_t tile = first; tile < end; ++tile)
    for (int r = 0; r < rows(tile); ++r)
      places_.put(inputs, slot, first_row(tile) + r, left, first_row(tile), r, rows(tile));
}

}  // namespace ergon
