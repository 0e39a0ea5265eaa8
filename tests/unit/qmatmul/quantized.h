// A small matrix of weights and what a format makes of it.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/qmatmul/format.h"

namespace ergon {

/// Every way that quantized weights can be laid out: groups of 32, 64 and 128, with and without
/// zero points.
struct LayoutCase {
  std::string format;
  std::int64_t group;
  bool zero_points;

  WeightLayout of(std::int64_t n, std::int64_t k) const {
    const Format* found = format_from_name(format);
    return {found, n, k, found->group == whole_row ? k : group, zero_points};
  }
  /// What k is a multiple of.
  std::int64_t unit() const {
    return std::max<std::int64_t>(group, format_from_name(format)->block);
  }
  std::string name() const {
    return format + "_" + std::to_string(group) + (zero_points ? "_zero_points" : "");
  }
};

inline void PrintTo(const LayoutCase& layout, std::ostream* out) { *out << layout.name(); }

inline std::vector<LayoutCase> every_layout() {
  std::vector<LayoutCase> list;
  for (const Format& format : formats()) {
    if (format.scale == ScaleType::none) continue;
    const std::string name(format.name);
    if (format.group == whole_row) list.push_back({name, 0, false});
    if (format.group > 0) list.push_back({name, format.group, false});
    if (format.group != 0) continue;
    for (const std::int64_t group : {32, 64, 128})
      for (const bool zero_points : {false, true}) list.push_back({name, group, zero_points});
  }
  return list;
}

/// Memory of weights.
struct Stored {
  WeightLayout layout;
  std::vector<std::byte> codes, scales, zeros;

  explicit Stored(const WeightLayout& l)
      : layout(l),
        codes(static_cast<std::size_t>(l.n * l.row_bytes())),
        scales(static_cast<std::size_t>(l.scale_rows() * l.groups()) * size_of(l.scale_dtype())),
        zeros(static_cast<std::size_t>(l.n * l.groups())) {}
  Stored(const WeightLayout& l, const std::vector<float>& w) : Stored(l) {
    quantize(l, 0, l.n, w.data(), {codes.data(), scales.data(), zeros.data()});
  }

  Weights weights() const { return {codes.data(), scales.data(), zeros.data()}; }
  std::vector<double> values() const {
    std::vector<double> all(static_cast<std::size_t>(layout.n * layout.k));
    for (std::int64_t j = 0; j < layout.n; ++j)
      dequantize(layout, weights(), j, all.data() + j * layout.k);
    return all;
  }
  float scale(std::int64_t row, std::int64_t group) const {
    return scale_at(layout, weights(), row, group);
  }
  int zero(std::int64_t row, std::int64_t group) const {
    return zero_at(layout, weights(), row, group);
  }
  float minimum(std::int64_t row, std::int64_t group) const {
    return minimum_at(layout, weights(), row, group);
  }
  int code(std::int64_t row, std::int64_t at) const { return code_at(layout, weights(), row, at); }
};

}  // namespace ergon
