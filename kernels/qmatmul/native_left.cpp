#include "kernels/qmatmul/native_left.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

namespace ergon {
namespace {

constexpr std::int64_t line = 64;

std::int64_t rounded(std::int64_t bytes) { return (bytes + line - 1) / line * line; }

template <class T>
void store_at(std::byte* to, std::int64_t index, T value) {
  std::memcpy(to + index * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
}

}  // namespace

LeftRows::LeftRows(const QMatmul& workload, const simd::QTileSet& set)
    : workload_(workload),
      set_(set),
      element_(simd::multiplies_s8(set.product.kind) ? 1
               : set.left_f32                        ? 4
                                                     : 2),
      row_bytes_(PanelShape(workload, set).depth * element_),
      groups_per_row_(simd::multiplies_s8(set.product.kind) ? workload.layout.groups() : 0),
      offset_(code_offset(workload, set)) {
  groups_at_ = static_cast<std::size_t>(rounded(workload.m * row_bytes_));
  group_bytes_ = static_cast<std::size_t>(workload.m * groups_per_row_ * 8);
}

bool LeftRows::multiplied_as_given() const noexcept {
  return workload_.activation_group() == 0 &&
         element_ == static_cast<std::int64_t>(size_of(workload_.x_dtype()));
}

void LeftRows::put(const Inputs& inputs, std::size_t slot, std::span<const std::int64_t> rows,
                   std::byte* left, std::int64_t first) const {
  const auto count = static_cast<int>(rows.size());
  const std::int64_t given = workload_.k * element_;
  const bool neighbours = rows.back() - rows.front() == count - 1;
  simd::PackCall pack;
  pack.rows = pack.width = count;
  pack.k = given;
  pack.k_stride = 1;
  pack.to = words(left, first);
  std::unique_ptr<std::byte[]> prepared;
  if (multiplied_as_given() && neighbours) {
    pack.from = inputs.data("x", slot) + rows.front() * given;
    pack.row_stride = given;
  } else {
    // A line more, lest rows of a power of two meet in the same sets of the cache.
    pack.row_stride = rounded(given) + line;
    prepared = std::make_unique_for_overwrite<std::byte[]>(
        static_cast<std::size_t>(count * pack.row_stride));
    pack.from = prepared.get();
  }
  for (int r = 0; r < count; ++r)
    prepare(inputs, slot, rows[static_cast<std::size_t>(r)],
            prepared ? prepared.get() + r * pack.row_stride : nullptr,
            groups(left, first) + 4 * static_cast<std::ptrdiff_t>(r), count);
  set_.pack(pack);
  const std::int64_t filled = (given + 3) / 4 * 4 * count;
  std::memset(pack.to + filled, 0, static_cast<std::size_t>(row_bytes_ * count - filled));
}

void LeftRows::prepare(const Inputs& inputs, std::size_t slot, std::int64_t row, std::byte* to,
                       std::byte* groups, int rows) const {
  const std::int64_t k = workload_.k;
  const DType type = workload_.x_dtype();
  const auto size = static_cast<std::int64_t>(size_of(type));
  const std::byte* x = inputs.data("x", slot) + row * k * size;
  const auto group_of = [&](std::int64_t g, float scale, std::int32_t sum) {
    store_at(groups, 2 * g * rows, -offset_ * sum);
    store_at(groups, (2 * g + 1) * rows, scale);
  };
  if (const std::int64_t count = workload_.activation_group(); count != 0) {
    const bool half = workload_.format->activations == Activations::s8_in_blocks;
    for (std::int64_t g = 0; g < groups_per_row_; ++g) {
      const simd::QuantizedGroup group =
          set_.quantize(x + g * count * size, type == DType::bf16, count, half,
                        reinterpret_cast<std::int8_t*>(to) + g * count);
      group_of(g, group.scale, group.sum);
    }
    return;
  }
  if (type == DType::s8)
    group_of(0, inputs.as<float>("x_scale", slot)[row],
             set_.sum(reinterpret_cast<const std::int8_t*>(x), k));
  if (to == nullptr) return;
  if (element_ == 4)
    for (std::int64_t i = 0; i < k; ++i) store_at(to, i, static_cast<float>(load(type, x, i)));
  else
    std::memcpy(to, x, static_cast<std::size_t>(k * size));
}

LeftTiles::LeftTiles(const QMatmul& workload, const simd::QTileSet& set)
    : places_(workload, set),
      cut_(workload.m, set.most_rows),
      in_place_(!simd::multiplies_s8(set.product.kind) && !set.left_f32 && workload.m == 1 &&
                PanelShape(workload, set).depth == workload.k) {}

void LeftTiles::fill(const Inputs& inputs, std::size_t slot, std::int64_t first, std::int64_t end,
                     std::byte* left) const {
  std::vector<std::int64_t> rows;
  for (std::int64_t tile = first; tile < end; ++tile) {
    rows.resize(static_cast<std::size_t>(this->rows(tile)));
    std::iota(rows.begin(), rows.end(), first_row(tile));
    places_.put(inputs, slot, rows, left, first_row(tile));
  }
}

}  // namespace ergon
