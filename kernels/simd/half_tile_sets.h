// The sets of half_tiles.h by name; which of them a build holds depends on its processor
// architecture.
#pragma once

#include "kernels/simd/half_tiles.h"

namespace ergon::simd {

extern const HalfTileSet portable_f16_halves, portable_bf16_halves;
extern const HalfTileSet avx2_f16_halves, avx2_bf16_halves;
extern const HalfTileSet avx512_f16_halves, avx512_bf16_halves;

}  // namespace ergon::simd
