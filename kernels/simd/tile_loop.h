// The tile of every instruction set, over a Unit that names its instructions:
//
//   Vector, Sum       register types: right words, sums
//   Left              a broadcast left word
//   lanes             columns of a vector
//   phases            1, or 2 where a word's halves are widened and multiplied one after the other
//   load<phase>(p)    a vector of right words
//   broadcast<phase>(p)
//   multiply_add(sum, left, right)
//   read(p, columns), write(p, sum, columns), add(a, b)   of sums; columns <= lanes
//   write_bf16(p, sum, columns)   where it has one
//
// All sums stay in registers: indices are template arguments, so that no loop is left to unroll.
// Units live in unnamed namespaces, and so do the instances of these templates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/simd/tile.h"

namespace ergon::simd {

#define ERGON_INLINE __attribute__((always_inline))

template <std::size_t... i, class Body>
ERGON_INLINE inline void unrolled(std::index_sequence<i...>, Body&& body) {
  (body(std::integral_constant<std::size_t, i>{}), ...);
}
template <std::size_t count, class Body>
ERGON_INLINE inline void unrolled(Body&& body) {
  unrolled(std::make_index_sequence<count>{}, body);
}

template <class Unit>
concept WritesBf16 = requires(std::byte* to, typename Unit::Sum sum) {
  Unit::write_bf16(to, sum, 1);
};

template <class Unit, int rows, int vectors>
void tile(const TileCall& given) {
  // A copy: what is written through pointers could be the call itself.
  const TileCall call = given;
  using Sum = typename Unit::Sum;
  constexpr std::int64_t right_vector = sizeof(typename Unit::Words);
  constexpr std::int64_t sum_vector = sizeof(Sum);
  Sum sum[rows][vectors] = {};

  // Row r is at base[r / 3] + r % 3 rows: an address with a scaled index, not a pointer per row.
  constexpr int bases = (rows + 2) / 3;
  const std::int64_t row = call.left_row, step = call.left_group, right_step = call.right_group;
  const std::byte* base[bases];
  unrolled<bases>([&](auto i) ERGON_INLINE { base[i] = call.left + 3 * i * row; });
  const std::byte* right = call.right;
  for (std::int64_t g = call.groups; g > 0; --g) {
    unrolled<vectors>(
        [&](auto v) ERGON_INLINE { __builtin_prefetch(right + call.ahead + v * right_vector); });
    unrolled<Unit::phases>([&](auto phase) ERGON_INLINE {
      // Phases are not to be woven into one: twice the operands would push sums out of registers.
      if constexpr (phase != 0) __asm__ volatile("" ::: "memory");
      typename Unit::Vector b[vectors];
      unrolled<vectors>([&](auto v) ERGON_INLINE {
        b[v] = Unit::template load<phase>(right + v * right_vector);
      });
      unrolled<rows>([&](auto r) ERGON_INLINE {
        const auto a = Unit::template broadcast<phase>(base[r / 3] + (r % 3) * row);
        unrolled<vectors>([&](auto v) ERGON_INLINE { Unit::multiply_add(sum[r][v], a, b[v]); });
      });
    });
    unrolled<bases>([&](auto i) ERGON_INLINE { base[i] += step; });
    right += right_step;
  }

  const auto each_sum = [&](auto&& work) ERGON_INLINE {
    unrolled<rows>([&](auto r) ERGON_INLINE {
      unrolled<vectors>([&](auto v) ERGON_INLINE {
        work(r, v * sum_vector, v + 1 < vectors ? Unit::lanes : call.columns, sum[r][v]);
      });
    });
  };
  if (call.start != nullptr)
    each_sum([&](auto r, std::int64_t at, int columns, Sum& total) ERGON_INLINE {
      total = Unit::add(total, Unit::read(call.start + r * call.start_row + at, columns));
    });
  if (call.every_row != nullptr)
    each_sum([&](auto, std::int64_t at, int columns, Sum& total) ERGON_INLINE {
      total = Unit::add(total, Unit::read(call.every_row + at, columns));
    });
  if constexpr (WritesBf16<Unit>) {
    if (call.to_bf16)
      return each_sum([&](auto r, std::int64_t at, int columns, Sum& total) ERGON_INLINE {
        Unit::write_bf16(call.to + r * call.to_row + at / 2, total, columns);
      });
  }
  each_sum([&](auto r, std::int64_t at, int columns, Sum& total)
               ERGON_INLINE { Unit::write(call.to + r * call.to_row + at, total, columns); });
}

/// [vectors - 1][rows - 1]
template <class Unit, int most_rows, int most_vectors>
constexpr auto all_tiles() {
  std::array<Tile, static_cast<std::size_t>(most_rows * most_vectors)> tiles{};
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    ((tiles[i] =
          tile<Unit, static_cast<int>(i) % most_rows + 1, static_cast<int>(i) / most_rows + 1>),
     ...);
  }
  (std::make_index_sequence<tiles.size()>{});
  return tiles;
}

}  // namespace ergon::simd
