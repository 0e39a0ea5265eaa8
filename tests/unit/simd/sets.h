// The tile sets that this processor runs, values to multiply, and what a tile must make of them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/dtype.h"
#include "kernels/simd/tile.h"

namespace ergon::simd {

inline std::vector<const TileSet*> usable_sets() {
  std::vector<const TileSet*> list;
  for (const TileSet* set : tile_sets())
    if (usable(*set, cpu_info())) list.push_back(set);
  return list;
}

inline std::string label(const TileSet& set) {
  static constexpr const char* products[] = {"f64", "f32", "bf16", "s8s8", "u8s8"};
  return std::string(name(set.isa)) + "_" + products[static_cast<int>(set.product)] +
         (set.feature.empty() ? "" : "_" + std::string(set.feature));
}

inline void PrintTo(const TileSet* set, std::ostream* out) { *out << label(*set); }

/// Elements of one operand: bytes as the product holds them, and their values.
class Elements {
 public:
  Elements(Product product, bool left, std::size_t count, unsigned seed)
      : size_(element_bytes(product)), bytes_(count * size_), values_(count) {
    std::mt19937 draw(seed);
    for (std::size_t i = 0; i < count; ++i) set(i, product, left, draw);
  }
  const std::byte* at(std::size_t index) const { return bytes_.data() + index * size_; }
  double value(std::size_t index) const { return values_[index]; }

 private:
  void set(std::size_t i, Product product, bool left, std::mt19937& draw) {
    std::byte* to = bytes_.data() + i * size_;
    const auto store = [&](auto element, double value) {
      std::memcpy(to, &element, sizeof element);
      values_[i] = value;
    };
    const double real = std::uniform_real_distribution<double>(-1, 1)(draw);
    const int integer = std::uniform_int_distribution<int>(-128, 127)(draw);
    switch (product) {
      case Product::f64:
        return store(real, real);
      case Product::f32:
        return store(static_cast<float>(real), static_cast<float>(real));
      case Product::bf16: {
        const std::uint16_t bits = to_bf16(static_cast<float>(real));
        return store(bits, static_cast<double>(from_bf16(bits)));
      }
      case Product::s8s8:
        return store(static_cast<std::int8_t>(integer), integer);
      case Product::u8s8:
        if (left) return store(static_cast<std::uint8_t>(integer + 128), integer + 128);
        return store(static_cast<std::int8_t>(integer), integer);
    }
  }

  std::size_t size_;
  std::vector<std::byte> bytes_;
  std::vector<double> values_;
};

/// A sum as the set holds it, as a number.
inline double sum_at(Product product, const std::byte* from) {
  const auto read = [&](auto number) {
    std::memcpy(&number, from, sizeof number);
    return static_cast<double>(number);
  };
  if (product == Product::f64) return read(double{});
  if (product == Product::f32 || product == Product::bf16) return read(float{});
  return read(std::int32_t{});
}

inline void put_sum(Product product, std::byte* to, double value) {
  const auto write = [&](auto number) { std::memcpy(to, &number, sizeof number); };
  if (product == Product::f64) return write(value);
  if (product == Product::f32 || product == Product::bf16) return write(static_cast<float>(value));
  write(static_cast<std::int32_t>(value));
}

/// What rounding may do to a sum of `k` products of numbers up to 1; integers are exact.
inline double tolerance(Product product, std::int64_t k) {
  if (product == Product::f64) return 1e-15 * static_cast<double>(k + 1);
  if (product == Product::f32 || product == Product::bf16)
    return 1.5e-7 * static_cast<double>(k + 1);
  return 0;
}

}  // namespace ergon::simd
