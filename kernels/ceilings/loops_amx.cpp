// Tiles of 16 rows by 64 bytes: 0 to 3 accumulate, 4 and 5 hold A and B of one product, 6 and 7 of
// the other. A tile product starts every 16 cycles and takes 52 (Intel Optimization Reference
// Manual, chapter on AMX): four in flight keep the unit busy.
#include <immintrin.h>

#include <cstddef>
#include <cstring>

#include "kernels/ceilings/loops.h"

namespace ergon::ceilings {
namespace {

constexpr std::size_t rows = 16, row_bytes = 64, tile_bytes = rows * row_bytes;

struct alignas(64) Tile {
  unsigned char bytes[tile_bytes];
};

struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// The compiler does not know that tile loads and stores touch memory.
void order_memory() { __asm__ volatile("" ::: "memory"); }

struct BF16 {
  using Element = std::uint16_t;
  using Result = float;
  // Exact: at most 8 significant bits, so that the lower half of the float is empty.
  static std::uint16_t element(std::int32_t value) {
    const auto wide = static_cast<float>(value);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &wide, sizeof bits);
    return static_cast<std::uint16_t>(bits >> 16);
  }
  static void iterate(std::int64_t iterations) {
    for (; iterations > 0; --iterations) {
      _tile_dpbf16ps(0, 4, 5);
      _tile_dpbf16ps(1, 6, 7);
      _tile_dpbf16ps(2, 4, 5);
      _tile_dpbf16ps(3, 6, 7);
      _tile_dpbf16ps(0, 6, 7);
      _tile_dpbf16ps(1, 4, 5);
      _tile_dpbf16ps(2, 6, 7);
      _tile_dpbf16ps(3, 4, 5);
    }
  }
};

struct S8 {
  using Element = std::int8_t;
  using Result = std::int32_t;
  static std::int8_t element(std::int32_t value) { return static_cast<std::int8_t>(value); }
  static void iterate(std::int64_t iterations) {
    for (; iterations > 0; --iterations) {
      _tile_dpbssd(0, 4, 5);
      _tile_dpbssd(1, 6, 7);
      _tile_dpbssd(2, 4, 5);
      _tile_dpbssd(3, 6, 7);
      _tile_dpbssd(0, 6, 7);
      _tile_dpbssd(1, 4, 5);
      _tile_dpbssd(2, 6, 7);
      _tile_dpbssd(3, 4, 5);
    }
  }
};

constexpr std::int64_t products_per_iteration = 8;

/// A: every row holds the factors plus `shift`, times `sign`, along k.
template <class Unit>
Tile left(const std::int32_t* factors, std::int32_t sign, std::int32_t shift) {
  constexpr std::size_t elements = row_bytes / sizeof(typename Unit::Element);
  typename Unit::Element row[elements];
  for (std::size_t k = 0; k < elements; ++k) row[k] = Unit::element(sign * (factors[k] + shift));
  Tile tile;
  for (std::size_t r = 0; r < rows; ++r) std::memcpy(tile.bytes + r * row_bytes, row, row_bytes);
  return tile;
}

/// B: every column holds the same along k. A row of the tile holds, column by column, the elements
/// of four bytes of k.
template <class Unit>
Tile right(const std::int32_t* factors, std::int32_t sign, std::int32_t shift) {
  const Tile row_wise = left<Unit>(factors, sign, shift);
  Tile tile;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t column = 0; column < 16; ++column)
      std::memcpy(tile.bytes + r * row_bytes + column * 4, row_wise.bytes + r * 4, 4);
  return tile;
}

template <class Unit>
std::int64_t total(const Tile& tile) {
  typename Unit::Result values[tile_bytes / sizeof(typename Unit::Result)];
  std::memcpy(values, tile.bytes, tile_bytes);
  std::int64_t sum = 0;
  for (const auto value : values) sum += static_cast<std::int64_t>(value);
  return sum;
}

template <class Unit>
std::int64_t tile_loop(const std::int32_t* factors, std::int64_t iterations) {
  const Configuration configuration;
  const Tile a = left<Unit>(factors, 1, 0), b = right<Unit>(factors, 1, 0);
  const Tile less = left<Unit>(factors, 1, -1), more = right<Unit>(factors, -1, 1);
  Tile sums[4];
  order_memory();
  _tile_loadconfig(&configuration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, a.bytes, row_bytes);
  _tile_loadd(5, b.bytes, row_bytes);
  _tile_loadd(6, less.bytes, row_bytes);
  _tile_loadd(7, more.bytes, row_bytes);
  Unit::iterate(iterations);
  _tile_stored(0, sums[0].bytes, row_bytes);
  _tile_stored(1, sums[1].bytes, row_bytes);
  _tile_stored(2, sums[2].bytes, row_bytes);
  _tile_stored(3, sums[3].bytes, row_bytes);
  _tile_release();
  order_memory();
  return total<Unit>(sums[0]) + total<Unit>(sums[1]) + total<Unit>(sums[2]) + total<Unit>(sums[3]);
}

/// A product is 16 x 16 sums over a row's elements; a multiply-add counts 2.
template <class Unit>
constexpr std::int64_t flops() {
  return products_per_iteration * 16 * 16 * (row_bytes / sizeof(typename Unit::Element)) * 2;
}

}  // namespace

constinit const FlopsLoop amx_bf16 = {DType::bf16, "4 accumulating tiles of tdpbf16ps",
                                      flops<BF16>(), tile_loop<BF16>};
constinit const FlopsLoop amx_s8 = {DType::s8, "4 accumulating tiles of tdpbssd", flops<S8>(),
                                    tile_loop<S8>};

}  // namespace ergon::ceilings
