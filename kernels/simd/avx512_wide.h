// Two vectors of outputs side by side: a word of left is loaded once for both.
#pragma once

#include <algorithm>

#include "kernels/simd/avx512_multiply.h"
#include "kernels/simd/avx512_q.h"

namespace ergon::simd {
namespace {

/// A Unit of qtile_loop.h made of two of `One`: lines, scales and zero points of the first 16 lanes
/// stand before those of the others.
template <class One, int rows>
struct Wide {
  static constexpr QProduct product = One::product;
  static constexpr int phases = One::phases, lanes = 2 * One::lanes, most_rows = rows;
  static constexpr int in_flight = One::in_flight / 2, registers = One::registers / 2;

  struct Sum {
    typename One::Sum a, b;
  };
  struct Float {
    typename One::Float a, b;
  };
  struct Words {
    typename One::Words a, b;
  };
  struct Group {
    typename One::Group a, b;
  };
  struct Line {
    typename One::Line a, b;
  };
  using Tables = typename One::Tables;

  static constexpr int line_bytes = 4 * One::lanes;
  static constexpr int zeros = zero_bytes(product, One::lanes);
  static constexpr int scales =
      product.scale == QScale::one_f32 ? 0 : scale_bytes(product.scale, One::lanes);

  static Tables tables(const QTileCall& call) { return One::tables(call); }
  static Group open(const std::byte* from) { return {One::open(from), One::open(from + zeros)}; }
  static Line line(const std::byte* from, const Tables& tables, const Group& group) {
    return {One::line(from, tables, group.a), One::line(from + line_bytes, tables, group.b)};
  }
  template <int phase>
  static Words word(const Line& line, const Tables& tables, const Group& group) {
    return {One::template word<phase>(line.a, tables, group.a),
            One::template word<phase>(line.b, tables, group.b)};
  }
  static void multiply_add(Sum& sum, const Words& words, const std::byte* left) {
    const __m512i word = same_word(left);
    One::multiply_add(sum.a, words.a, word);
    One::multiply_add(sum.b, words.b, word);
  }
  static Sum nothing() { return {One::nothing(), One::nothing()}; }
  static Sum start(const std::byte* from) { return {One::start(from), One::start(from)}; }
  static Sum add(const Sum& x, const Sum& y) { return {One::add(x.a, y.a), One::add(x.b, y.b)}; }
  static Float to_float(const Sum& sum) { return {One::to_float(sum.a), One::to_float(sum.b)}; }
  static Float read_scale(const std::byte* from) {
    return {One::read_scale(from), One::read_scale(from + scales)};
  }
  static Float scaled(const Float& scale, const std::byte* by) {
    return {One::scaled(scale.a, by), One::scaled(scale.b, by)};
  }
  static Float times(const Float& x, const Float& y) {
    return {One::times(x.a, y.a), One::times(x.b, y.b)};
  }
  static Float times_add(const Float& total, const Float& x, const Float& y) {
    return {One::times_add(total.a, x.a, y.a), One::times_add(total.b, x.b, y.b)};
  }
  static Float added(const Float& total, const std::byte* to, int columns) {
    return {One::added(total.a, to, std::min(columns, One::lanes)),
            One::added(total.b, to + One::lanes * 4, std::max(columns - One::lanes, 0))};
  }
  static void write(std::byte* to, const Float& total, int columns) {
    One::write(to, total.a, std::min(columns, One::lanes));
    One::write(to + One::lanes * 4, total.b, std::max(columns - One::lanes, 0));
  }
  static void write_bf16(std::byte* to, const Float& total, int columns) {
    One::write_bf16(to, total.a, std::min(columns, One::lanes));
    One::write_bf16(to + One::lanes * 2, total.b, std::max(columns - One::lanes, 0));
  }
};

}  // namespace
}  // namespace ergon::simd
