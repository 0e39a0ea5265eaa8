#include "kernels/simd/softmax_sets.h"

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

// Best last.
constexpr const SoftmaxSet* sets[] = {
    &portable_softmax_f32, &portable_softmax_bf16,
#if defined(__x86_64__)
    &avx2_softmax_f32,     &avx2_softmax_bf16,         &avx512_softmax_f32,
    &avx512_softmax_bf16,  &avx512_softmax_bf16_pairs,
#endif
};

}  // namespace

std::span<const SoftmaxSet* const> softmax_sets() noexcept { return sets; }

bool usable(const SoftmaxSet& set, const CpuInfo& cpu) noexcept {
  return available(set.isa, cpu) && (set.feature.empty() || cpu.has(set.feature));
}

const SoftmaxSet& best_softmax_set(bool bf16, Isa isa, const CpuInfo& cpu) noexcept {
  const SoftmaxSet* best = nullptr;
  for (const SoftmaxSet* set : sets)
    if (set->bf16 == bf16 && (set->isa == isa || set->isa == Isa::portable) && usable(*set, cpu))
      best = set;
  return *best;
}

}  // namespace ergon::simd
