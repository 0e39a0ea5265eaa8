// Weights as the tiles of simd/qtile.h read them: panels of outputs, one behind the other.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/qmatmul/qmatmul.h"
#include "kernels/simd/qtile.h"

namespace ergon {

/// What a format's weights and activations ask of a tile.
simd::QProduct native_product(const QMatmul& workload) noexcept;

/// Sizes of one panel.
struct PanelShape {
  PanelShape(const QMatmul& workload, const simd::QTileSet& set);
  std::int64_t panels = 0;
  std::int64_t groups = 0, lines = 0, last_lines = 0;
  std::int64_t line_bytes = 0, tail_bytes = 0;  // of a group: a line, its scales and zero points
  std::int64_t bytes = 0;                       // of a panel
  std::int64_t depth = 0;                       // k of all lines, as many as whole lines take
};

/// Packs panels [first, end) of the weights into `to`, where panel 0 starts. Outputs beyond n and
/// inputs beyond k are 0.
void pack_panels(const QMatmul& workload, const simd::QTileSet& set, const Weights& from,
                 std::int64_t first, std::int64_t end, std::byte* to);

/// What one of the `tiles` tiles that meet a panel asks for. One alone: its own panel, a little
/// ahead of use. Of several each a part of the panel that comes next (nullptr: none), which then
/// lies in a cache when the first of its own tiles begins.
simd::QFetch fetch_for(const PanelShape& shape, const std::byte* panel, const std::byte* next,
                       std::int64_t tile, std::int64_t tiles) noexcept;

/// QTileCall::table; empty for kinds that look nothing up.
std::vector<std::byte> decoding_table(const QMatmul& workload);

/// What the sums of integer codes are too large by, in sums of activations: codes are multiplied as
/// if this had been added to them.
int code_offset(const QMatmul& workload, const simd::QTileSet& set) noexcept;

}  // namespace ergon
