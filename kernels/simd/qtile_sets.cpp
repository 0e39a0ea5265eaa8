#include "kernels/simd/qtile_sets.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/devices/cpu.h"

namespace ergon::simd {

std::vector<const QTileSet*> qtile_sets() {
  std::vector<const QTileSet*> all;
  const auto add = [&](std::span<const QTileSet> sets) {
    for (const QTileSet& set : sets) all.push_back(&set);
  };
  add(portable_qtile_sets);
#if defined(__x86_64__)
  add(avx2_s8_qtile_sets);
  add(avx2_float_qtile_sets);
  add(avx512_s8_qtile_sets);
  add(avx512_nibble_qtile_sets);
  add(avx512_byte_qtile_sets);
  add(avx512_pair_qtile_sets);
#endif
  return all;
}

bool usable(const QTileSet& set, const CpuInfo& cpu) noexcept {
  return available(set.isa, cpu) &&
         std::all_of(set.features.begin(), set.features.end(),
                     [&](std::string_view feature) { return feature.empty() || cpu.has(feature); });
}

const QTileSet& best_qtile_set(const QProduct& product, Isa isa, const CpuInfo& cpu) {
  const QTileSet* best = nullptr;
  for (const QTileSet* set : qtile_sets())
    if (set->product == product && set->isa <= isa && usable(*set, cpu)) best = set;
  if (best == nullptr) throw std::logic_error("no tiles for a product that is not of qproducts");
  return *best;
}

}  // namespace ergon::simd
