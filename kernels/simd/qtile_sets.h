// The sets that qtile_sets() lists, each defined in the file named after its instruction set.
#pragma once

#include "kernels/simd/qtile.h"

namespace ergon::simd {

extern const std::array<QTileSet, qproducts.size()> portable_qtile_sets;
extern const std::array<QTileSet, s8_qproducts> avx2_s8_qtile_sets, avx512_s8_qtile_sets;
extern const std::array<QTileSet, float_qproducts> avx2_float_qtile_sets;
extern const std::array<QTileSet, 3> avx512_nibble_qtile_sets;
extern const std::array<QTileSet, 3> avx512_byte_qtile_sets;
extern const std::array<QTileSet, 1> avx512_pair_qtile_sets;

}  // namespace ergon::simd
