#include "kernels/simd/tile_sets.h"

#include <algorithm>

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

// Best last.
constexpr const TileSet* sets[] = {
    &portable_f64,    &portable_f32,    &portable_bf16,     &portable_s8s8,     &portable_u8s8,
#if defined(__x86_64__)
    &avx2_f64,        &avx2_f32,        &avx2_bf16,         &avx2_s8s8,         &avx2_u8s8,
    &avx2_s8s8_quads, &avx2_u8s8_quads, &avx512_f64,        &avx512_f32,        &avx512_bf16,
    &avx512_s8s8,     &avx512_u8s8,     &avx512_bf16_pairs, &avx512_s8s8_quads, &avx512_u8s8_quads,
#elif defined(__aarch64__)
    &neon_f64,        &neon_f32,        &neon_bf16,       &neon_s8s8,     &neon_u8s8,
    &neon_bf16_pairs, &neon_s8s8_quads, &neon_u8s8_quads,
#endif
};

struct ProductInfo {
  int group;
  std::size_t element_bytes, sum_bytes;
};
// In the order of Product.
constexpr ProductInfo products[] = {{1, 8, 8}, {1, 4, 4}, {2, 2, 4}, {4, 1, 4}, {4, 1, 4}};

const ProductInfo& info(Product product) noexcept {
  return products[static_cast<std::size_t>(product)];
}

}  // namespace

int group(Product product) noexcept { return info(product).group; }
std::size_t element_bytes(Product product) noexcept { return info(product).element_bytes; }
std::size_t sum_bytes(Product product) noexcept { return info(product).sum_bytes; }
std::size_t word_bytes(Product product) noexcept {
  return static_cast<std::size_t>(info(product).group) * info(product).element_bytes;
}

std::span<const TileSet* const> tile_sets() noexcept { return sets; }

bool usable(const TileSet& set, const CpuInfo& cpu) noexcept {
  return available(set.isa, cpu) && (set.feature.empty() || cpu.has(set.feature));
}

const TileSet& best_tile_set(Product product, Isa isa, const CpuInfo& cpu) noexcept {
  const TileSet* best = nullptr;
  for (const TileSet* set : sets)
    if (set->product == product && (set->isa == isa || set->isa == Isa::portable) &&
        usable(*set, cpu))
      best = set;
  return *best;
}

}  // namespace ergon::simd
