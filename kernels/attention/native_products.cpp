#include "kernels/attention/native_products.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/attention/native_source.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t word = 4;                         // bytes
constexpr std::size_t most_tile = std::size_t{64} * 64;  // rows by columns of any set

}  // namespace

HeadProducts::HeadProducts(DType product, std::int64_t heads, std::int64_t n, std::int64_t k,
                           simd::Isa isa)
    : tiles_(simd::best_tile_set(product == DType::bf16 ? simd::Product::bf16 : simd::Product::f32,
                                 isa, cpu_info())),
      floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
      product_(product),
      element_(static_cast<std::int64_t>(size_of(product))),
      heads_(heads),
      n_(n),
      k_(k),
      groups_((k * element_ + word - 1) / word),
      panel_(tiles_.panel()),
      panels_((n + panel_ - 1) / panel_),
      panel_bytes_(groups_ * panel_ * word) {}

void HeadProducts::pack(const std::byte* from, DType from_type, std::int64_t column_stride,
                        std::int64_t k_stride, std::int64_t head, std::byte* packed) const {
  std::vector<std::byte> wide;
  if (from_type != product_) {
    wide.resize(packing_bytes(from_type));
    widen_elements(from_type, from, product_, wide.data(), n_ * k_, floats_.isa);
    from = wide.data();
  }
  for (std::int64_t p = 0; p < panels_; ++p) {
    simd::PackCall call;
    call.from = from + p * panel_ * column_stride * element_;
    call.row_stride = column_stride * element_;
    call.k_stride = k_stride * element_;
    call.rows = static_cast<int>(std::min(panel_, n_ - p * panel_));
    call.width = static_cast<int>(panel_);
    call.k = k_;
    call.to = packed + (head * panels_ + p) * panel_bytes_;
    tiles_.pack(call);
  }
}

void HeadProducts::multiply(const std::byte* packed, std::int64_t head, const RowsInMemory& rows,
                            std::int64_t count, DType type, std::byte* out,
                            std::int64_t stride) const {
  const TileCut cut(count, tiles_.most_rows);
  const auto size = static_cast<std::int64_t>(size_of(type));
  // The last word of a row must not hold what is not its own, which might be NaN.
  const bool copied = k_ * element_ % word != 0;
  std::vector<std::byte> copy(copied ? static_cast<std::size_t>(tiles_.most_rows * groups_ * word)
                                     : 0);
  for (std::int64_t p = 0; p < panels_; ++p)
    for (std::int64_t t = 0; t < cut.tiles; ++t) {
      RowsInMemory left{rows.first + cut.first(t) * rows.stride, rows.stride};
      if (copied) {
        for (int r = 0; r < cut.size(t); ++r)
          std::memcpy(copy.data() + r * groups_ * word, left.first + r * left.stride,
                      static_cast<std::size_t>(k_ * element_));
        left = {copy.data(), groups_ * word};
      }
      tile(packed + (head * panels_ + p) * panel_bytes_, left, cut.size(t),
           std::min(panel_, n_ - p * panel_), type, out + cut.first(t) * stride + p * panel_ * size,
           stride);
    }
}

void HeadProducts::tile(const std::byte* panel, const RowsInMemory& rows, int count,
                        std::int64_t columns, DType type, std::byte* out,
                        std::int64_t stride) const {
  alignas(64) float sums[most_tile];
  const auto vectors = static_cast<int>((columns + tiles_.lanes - 1) / tiles_.lanes);
  const bool direct = type == DType::f32 || tiles_.writes_bf16;
  simd::TileCall call;
  call.groups = groups_;
  call.left = rows.first;
  call.left_row = rows.stride;
  call.left_group = word;
  call.right = panel;
  call.right_group = panel_ * word;
  call.columns = static_cast<int>(columns - std::int64_t{vectors - 1} * tiles_.lanes);
  call.to = direct ? out : reinterpret_cast<std::byte*>(sums);
  call.to_row = direct ? stride : panel_ * word;
  call.to_bf16 = direct && type == DType::bf16;
  call.ahead = 2048;
  tiles_.tile(count, vectors)(call);
  if (direct) return;
  simd::FinishCall finish;
  finish.rows = count;
  finish.columns = static_cast<int>(columns);
  finish.from = call.to;
  finish.from_row = call.to_row;
  finish.c = out;
  finish.c_row = stride;
  finish.c_column = 2;
  floats_.finish_bf16(finish);
}

}  // namespace ergon
