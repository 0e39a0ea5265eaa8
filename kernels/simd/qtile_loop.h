// The tile of every quantized product, over a Unit that names its instructions:
//
//   Sum, Float        register types of a group's sums and of totals
//   Group             what a group's zero points are, expanded; read by open(p)
//   Tables            what decoding looks up; made by tables(call)
//   product, lanes    what it computes, and how wide
//   phases            words of left that a line meets
//   decode(line, tables, group, words)   words[phases]
//   multiply_add(sum, words, left)       left: the address of a row's word
//   nothing(), start(p), add(a, b)       of sums; start is an s32 for all lanes
//   to_float(sum), read_scale(p)
//   scaled(scale, p)                     times an f32 for all lanes
//   times(a, b), times_add(total, a, b)
//   write(p, total, columns), write_bf16(p, total, columns)
//
// All sums stay in registers, as in tile_loop.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/simd/qtile.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {

/// What a row's sums start from.
template <class Unit>
ERGON_INLINE inline typename Unit::Sum first_sum(const std::byte* start) {
  if constexpr (multiplies_s8(Unit::product.kind))
    return Unit::start(start);
  else
    return Unit::nothing();
}

template <class Unit, int rows>
void qtile(const QTileCall& given) {
  const QTileCall call = given;
  using Sum = typename Unit::Sum;
  using Float = typename Unit::Float;
  constexpr QProduct product = Unit::product;
  constexpr int phases = Unit::phases, lanes = Unit::lanes;
  constexpr std::int64_t word = 4, line_bytes = word * lanes, word_row = word * rows;
  constexpr std::int64_t scales = scale_bytes(product.scale, lanes);
  constexpr std::int64_t group_tail = scales + zero_bytes(product, lanes);
  // Few rows wait for each other's results: each phase of a few lines then has sums of its own.
  constexpr int together = rows <= 2 && product.whole ? 4 / phases : 1;
  constexpr int sets = rows <= 2 ? together * phases : 1;

  const auto tables = Unit::tables(call);
  const std::byte *panel = call.panel, *left = call.left, *left_groups = call.left_groups;
  Float total[rows] = {};
  for (std::int64_t g = call.groups; g > 0; --g) {
    std::int64_t lines = g == 1 ? call.last_lines : call.lines;
    const auto group = Unit::open(panel + lines * line_bytes + scales);
    Sum sum[sets][rows];
    unrolled<sets>([&](auto s) ERGON_INLINE {
      unrolled<rows>([&](auto r) ERGON_INLINE {
        sum[s][r] = s == 0 ? first_sum<Unit>(left_groups + word * r) : Unit::nothing();
      });
    });
    const auto line = [&](auto offset) ERGON_INLINE {
      typename Unit::Words words[phases];
      __builtin_prefetch(panel + call.ahead);
      Unit::decode(panel, tables, group, words);
      unrolled<phases>([&](auto p) ERGON_INLINE {
        unrolled<rows>([&](auto r) ERGON_INLINE {
          Unit::multiply_add(sum[(offset * phases + p) % sets][r], words[p],
                             left + p * word_row + word * r);
        });
      });
      panel += line_bytes;
      left += phases * word_row;
    };
    if constexpr (together > 1)
      for (; lines >= together; lines -= together) unrolled<together>(line);
    for (; lines > 0; --lines) line(std::integral_constant<int, 0>{});
    unrolled<sets - 1>([&](auto s) ERGON_INLINE {
      unrolled<rows>([&](auto r) ERGON_INLINE { sum[0][r] = Unit::add(sum[0][r], sum[s + 1][r]); });
    });

    const Float scale = Unit::read_scale(panel);
    unrolled<rows>([&](auto r) ERGON_INLINE {
      const Float value = Unit::to_float(sum[0][r]);
      Float factor = scale;
      if constexpr (multiplies_s8(product.kind))
        factor = Unit::scaled(scale, left_groups + word_row + word * r);
      if constexpr (product.whole)
        total[r] = Unit::times(value, factor);
      else
        total[r] = Unit::times_add(total[r], value, factor);
    });
    panel += group_tail;
    left_groups += 2 * word_row;
  }
  unrolled<rows>([&](auto r) ERGON_INLINE {
    std::byte* to = call.to + r * call.to_row;
    call.to_bf16 ? Unit::write_bf16(to, total[r], call.columns)
                 : Unit::write(to, total[r], call.columns);
  });
}

/// [rows - 1]
template <class Unit, int most_rows>
inline constexpr auto qtiles = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array<QTile, most_rows>{qtile<Unit, static_cast<int>(i) + 1>...};
}
(std::make_index_sequence<most_rows>{});

/// A set for each of qproducts [first, first + count), from one that has all but product and tiles.
template <template <QProduct> class Unit, auto most_rows, std::size_t first, std::size_t count>
constexpr auto qtile_sets_like(const QTileSet& common) {
  std::array<QTileSet, count> sets{};
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    ((sets[i] = common, sets[i].product = qproducts[first + i],
      sets[i].most_rows = most_rows(qproducts[first + i]),
      sets[i].tiles = qtiles<Unit<qproducts[first + i]>, most_rows(qproducts[first + i])>.data()),
     ...);
  }
  (std::make_index_sequence<count>{});
  return sets;
}

}  // namespace ergon::simd
