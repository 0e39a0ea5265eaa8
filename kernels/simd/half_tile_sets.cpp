#include "kernels/simd/half_tile_sets.h"

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

// Best last.
constexpr const HalfTileSet* sets[] = {
    &portable_f16_halves, &portable_bf16_halves,
#if defined(__x86_64__)
    &avx2_f16_halves,     &avx2_bf16_halves,     &avx512_f16_halves, &avx512_bf16_halves,
#endif
};

}  // namespace

std::span<const HalfTileSet* const> half_tile_sets() noexcept { return sets; }

bool usable(const HalfTileSet& set, const CpuInfo& cpu) noexcept {
  return available(set.isa, cpu) && (set.feature.empty() || cpu.has(set.feature));
}

const HalfTileSet& best_half_tile_set(bool bf16, Isa isa, const CpuInfo& cpu) noexcept {
  const HalfTileSet* best = nullptr;
  for (const HalfTileSet* set : sets)
    if (set->bf16 == bf16 && (set->isa == isa || set->isa == Isa::portable) && usable(*set, cpu))
      best = set;
  return *best;
}

}  // namespace ergon::simd
