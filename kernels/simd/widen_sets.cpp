#include "kernels/simd/widen_sets.h"

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

// Best last.
constexpr const WidenSet* sets[] = {
    &portable_widen,
#if defined(__x86_64__)
    &avx2_widen,
    &avx512_widen,
#endif
};

}  // namespace

std::span<const WidenSet* const> widen_sets() noexcept { return sets; }

bool usable(const WidenSet& set, const CpuInfo& cpu) noexcept {
  return available(set.isa, cpu) && (set.feature.empty() || cpu.has(set.feature));
}

const WidenSet& best_widen_set(Isa isa, const CpuInfo& cpu) noexcept {
  const WidenSet* best = &portable_widen;
  for (const WidenSet* set : sets)
    if (set->isa == isa && usable(*set, cpu)) best = set;
  return *best;
}

}  // namespace ergon::simd
