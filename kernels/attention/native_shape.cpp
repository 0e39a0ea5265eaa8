#include "kernels/attention/native_shape.h"

#include <algorithm>
#include <bit>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t word = 4;                               // bytes
constexpr std::int64_t most_bytes = std::int64_t{512} * 1024;  // of a block's keys and values

simd::Product product_of(DType dtype) {
  return dtype == DType::bf16 ? simd::Product::bf16 : simd::Product::f32;
}

}  // namespace

NativeShape::NativeShape(DType product, std::int64_t rows, std::int64_t keys, std::int64_t k_width,
                         std::int64_t v_width, simd::Isa isa)
    : tiles(simd::best_tile_set(product_of(product), isa, cpu_info())),
      softmax(simd::best_softmax_set(product == DType::bf16, isa, cpu_info())),
      dtype(product),
      element(static_cast<std::int64_t>(size_of(product))),
      group(word / element),
      q_rows(rows),
      head_dim(k_width),
      v_head_dim(v_width),
      row(rounded_up(head_dim * element, word)),
      words(row / word) {
  panel = std::min<std::int64_t>(tiles.panel(), rounded_up(q_rows, tiles.lanes));
  // Small blocks hold a cache that is read once near its use. Where many queries come by, large
  // ones have fewer ends, but are to stay in the L2 cache.
  const auto fitting = static_cast<std::uint64_t>(most_bytes / ((k_width + v_width) * element));
  block = q_rows <= 128 ? 256
                        : std::clamp<std::int64_t>(
                              static_cast<std::int64_t>(std::bit_floor(fitting)), 256, 1024);
  block = std::min(block, rounded_up(std::max<std::int64_t>(keys, 1), cut));
}

}  // namespace ergon
