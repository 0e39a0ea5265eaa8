// Products of rows with a matrix per head (the projections of latent attention), by the register
// tiles of simd/tile.h: matrices packed once into panels, rows read where they lie.
#pragma once

#include <cstddef>

#include "kernels/attention/native_shape.h"

namespace ergon {

/// out[r][column] = sum over i < k of row[r][i] matrix[head][column][i], column < n.
class HeadProducts {
 public:
  /// `product`: the type that is multiplied, f32 or bf16.
  HeadProducts(DType product, std::int64_t heads, std::int64_t n, std::int64_t k, simd::Isa isa);

  std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(heads_ * panels_ * panel_bytes_);
  }
  /// That pack() needs while it runs.
  std::size_t packing_bytes(DType from_type) const noexcept {
    return from_type == product_ ? 0 : static_cast<std::size_t>(n_ * k_ * element_);
  }
  /// Element (column, i) of a head is at from + (column column_stride + i k_stride) elements, one
  /// of the strides being 1; they are widened to what is multiplied.
  void pack(const std::byte* from, DType from_type, std::int64_t column_stride,
            std::int64_t k_stride, std::int64_t head, std::byte* packed) const;
  /// `rows`: of k elements of `product`. `out`: rows of `type`, f32 or bf16, `stride` bytes apart.
  void multiply(const std::byte* packed, std::int64_t head, const RowsInMemory& rows,
                std::int64_t count, DType type, std::byte* out, std::int64_t stride) const;

 private:
  void tile(const std::byte* panel, const RowsInMemory& rows, int count, std::int64_t columns,
            DType type, std::byte* out, std::int64_t stride) const;

  const simd::TileSet& tiles_;
  const simd::TileSet& floats_;
  DType product_;
  std::int64_t element_, heads_, n_, k_, groups_, panel_, panels_, panel_bytes_;
};

}  // namespace ergon
