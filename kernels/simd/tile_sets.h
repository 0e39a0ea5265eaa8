// The tile sets by name; which of them a build holds depends on its processor architecture.
#pragma once

#include "kernels/simd/tile.h"

namespace ergon::simd {

extern const TileSet portable_f64, portable_f32, portable_bf16, portable_s8s8, portable_u8s8;
extern const TileSet avx2_f64, avx2_f32, avx2_bf16, avx2_s8s8, avx2_u8s8;
extern const TileSet avx2_s8s8_quads, avx2_u8s8_quads;
extern const TileSet avx512_f64, avx512_f32, avx512_bf16, avx512_s8s8, avx512_u8s8;
extern const TileSet avx512_bf16_pairs, avx512_s8s8_quads, avx512_u8s8_quads;
extern const TileSet neon_f64, neon_f32, neon_bf16, neon_s8s8, neon_u8s8;
extern const TileSet neon_bf16_pairs, neon_s8s8_quads, neon_u8s8_quads;

}  // namespace ergon::simd
