// The tile of every quantized product, over a Unit that names its instructions:
//
//   Sum, Float        register types of a group's sums and of totals
//   Group             what a group's zero points are, expanded; read by open(p)
//   Tables            what decoding looks up; made by tables(call)
//   product, lanes    what it computes, and how wide
//   most_rows         of a tile
//   phases            words of left that a line meets
//   in_flight         sums that hide the latency of multiply_add
//   registers         of Sum or Float, that decoding leaves to sums and totals
//   Line, line(p, tables, group)         what decoding the words of a line shares
//   word<phase>(line, tables, group)     a word, decoded just before its use: registers are few
//   multiply_add(sum, words, left)       left: the address of a row's word
//   nothing(), start(p), add(a, b)       of sums; start is an s32 for all lanes
//   to_float(sum), read_scale(p)
//   scaled(scale, p)                     times an f32 for all lanes
//   times(a, b), times_add(total, a, b)
//   added(total, p, columns)             f32 at p added
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

/// Sums for each row. A few rows wait for each other's results: then phases, and lines, have sums
/// of their own, which are added up at the end of a group.
template <class Unit>
constexpr int sums_of_a_row(int rows) {
  const int totals = Unit::product.whole ? 0 : 1;
  int sums = 1;
  while (sums < 4 && rows * sums < Unit::in_flight && rows * (2 * sums + totals) <= Unit::registers)
    sums *= 2;
  return sums;
}

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
  constexpr int sets = sums_of_a_row<Unit>(rows);
  constexpr int together = sets > phases ? sets / phases : 1;

  const auto tables = Unit::tables(call);
  const std::byte *panel = call.panel, *left = call.left, *left_groups = call.left_groups,
                  *fetch = call.fetch.from;
  // What is written at the end comes into the cache meanwhile.
  const std::int64_t row_bytes = std::int64_t{call.to_bf16 ? 2 : 4} * lanes;
  unrolled<rows>([&](auto r) ERGON_INLINE {
    for (std::int64_t i = 0; i < row_bytes; i += 64)
      __builtin_prefetch(call.to + r * call.to_row + i, 1);
  });
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
      for (std::int64_t i = 0; i < line_bytes; i += 64) __builtin_prefetch(fetch + i);
      fetch += call.fetch.a_line;
      const auto codes = Unit::line(panel, tables, group);
      unrolled<phases>([&](auto p) ERGON_INLINE {
        const auto words = Unit::template word<p>(codes, tables, group);
        unrolled<rows>([&](auto r) ERGON_INLINE {
          Unit::multiply_add(sum[(offset * phases + p) % sets][r], words,
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
    fetch += call.fetch.a_tail;
    left_groups += 2 * word_row;
  }
  unrolled<rows>([&](auto r) ERGON_INLINE {
    std::byte* to = call.to + r * call.to_row;
    if (call.add) total[r] = Unit::added(total[r], to, call.columns);
    call.to_bf16 ? Unit::write_bf16(to, total[r], call.columns)
                 : Unit::write(to, total[r], call.columns);
  });
}

template <class Unit>
void qwords(const QTileCall& given) {
  const QTileCall call = given;
  constexpr std::int64_t line_bytes = std::int64_t{4} * Unit::lanes;
  constexpr std::int64_t scales = scale_bytes(Unit::product.scale, Unit::lanes);
  const auto tables = Unit::tables(call);
  const auto group = Unit::open(call.panel + call.lines * line_bytes + scales);
  const std::byte *panel = call.panel, *fetch = call.fetch.from;
  std::byte* to = call.to;
  for (std::int64_t lines = call.lines; lines > 0; --lines) {
    for (std::int64_t i = 0; i < line_bytes; i += 64) __builtin_prefetch(fetch + i);
    fetch += call.fetch.a_line;
    const auto codes = Unit::line(panel, tables, group);
    unrolled<Unit::phases>([&](auto p) ERGON_INLINE {
      const auto words = Unit::template word<p>(codes, tables, group);
      static_assert(sizeof words == line_bytes);
      __builtin_memcpy(to, &words, sizeof words);
      to += line_bytes;
    });
    panel += line_bytes;
  }
}

/// [rows - 1]
template <class Unit, int most_rows>
inline constexpr auto qtiles = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array<QTile, most_rows>{qtile<Unit, static_cast<int>(i) + 1>...};
}
(std::make_index_sequence<most_rows>{});

/// `common` with what a Unit says.
template <class Unit>
constexpr QTileSet qtile_set_of(QTileSet common) {
  common.product = Unit::product;
  common.most_rows = Unit::most_rows;
  common.lanes = Unit::lanes;
  common.tiles = qtiles<Unit, Unit::most_rows>.data();
  common.words = qwords<Unit>;
  return common;
}

/// A set for each of qproducts [first, first + count).
template <template <QProduct> class Unit, std::size_t first, std::size_t count>
constexpr auto qtile_sets_like(const QTileSet& common) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return std::array<QTileSet, count>{qtile_set_of<Unit<qproducts[first + i]>>(common)...};
  }
  (std::make_index_sequence<count>{});
}

}  // namespace ergon::simd
