// Register tiles whose right words are halves: f16 or bf16 that become f32 when they are loaded,
// and meet left words of f32. As tile.h says otherwise: a right word is 2 bytes and one element of
// k.
#pragma once

#include <span>
#include <string_view>

#include "kernels/simd/isa.h"
#include "kernels/simd/tile.h"

namespace ergon::simd {

struct HalfTileSet {
  Isa isa;
  bool bf16;  // else f16
  std::string_view instruction;
  std::string_view feature;  // beside those of the instruction set; empty: none
  int most_rows, lanes, most_vectors;
  const Tile* tiles;  // [vectors - 1][rows - 1]

  Tile tile(int rows, int vectors) const noexcept {
    return tiles[(vectors - 1) * most_rows + rows - 1];
  }
  int panel() const noexcept { return lanes * most_vectors; }
};

/// All that this build holds, best last.
std::span<const HalfTileSet* const> half_tile_sets() noexcept;
bool usable(const HalfTileSet& set, const CpuInfo& cpu) noexcept;
const HalfTileSet& best_half_tile_set(bool bf16, Isa isa, const CpuInfo& cpu) noexcept;

}  // namespace ergon::simd
