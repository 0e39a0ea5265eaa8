// Rows decoded fast are those of dequantize(), bit for bit, with every instruction set.
#include "kernels/qmatmul/decode_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"

namespace ergon {
namespace {

constexpr simd::Isa isas[] = {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2,
                              simd::Isa::avx512};

/// Every code there is, and scales of both signs and many magnitudes.
struct Matrix {
  Matrix(const Format& format, std::int64_t n, std::int64_t k, bool zero_points)
      : layout{&format, n, k, format.group == whole_row ? k : format.group, zero_points} {
    if (layout.group == 0) layout.group = 64;
    codes.resize(static_cast<std::size_t>(n * layout.row_bytes()));
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = std::byte(random_bits(1, 0, i) & 255);
    const auto count = static_cast<std::size_t>(layout.scale_rows() * layout.groups());
    scales.resize(count * size_of(layout.scale_dtype()));
    for (std::size_t i = 0; i < count; ++i) {
      const double scale = std::ldexp(normal_value(1, 1, i), static_cast<int>(i % 40) - 20);
      store(layout.scale_dtype(), scales.data(), static_cast<std::int64_t>(i),
            format.scale == ScaleType::e8m0 ? static_cast<double>(i % 256) : scale);
    }
    for (std::int64_t i = 0; i < n * layout.groups(); ++i) zeros.push_back(std::byte(i % 16));
  }
  Weights weights() const {
    return {codes.data(), layout.format->gguf() ? nullptr : scales.data(),
            layout.zero_points ? zeros.data() : nullptr};
  }

  WeightLayout layout;
  std::vector<std::byte> codes, scales, zeros;
};

bool same(float got, float expected) {
  return std::isnan(expected)
             ? std::isnan(got)
             : std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(expected);
}

/// How many elements of all rows differ, decoded in two parts.
int differences(const Matrix& matrix, DType type, simd::Isa isa) {
  const std::int64_t n = matrix.layout.n, k = matrix.layout.k, half = n / 2;
  std::vector<std::byte> got(static_cast<std::size_t>(n * k) * size_of(type));
  decode_rows(matrix.layout, matrix.weights(), 0, half, type, isa, got.data());
  decode_rows(matrix.layout, matrix.weights(), half, n - half, type, isa,
              got.data() + static_cast<std::size_t>(half * k) * size_of(type));
  std::vector<double> exact(static_cast<std::size_t>(k));
  int wrong = 0;
  for (std::int64_t row = 0; row < n; ++row) {
    dequantize(matrix.layout, matrix.weights(), row, exact.data());
    for (std::int64_t i = 0; i < k; ++i) {
      const auto expected = static_cast<float>(exact[static_cast<std::size_t>(i)]);
      const auto value = static_cast<float>(load(type, got.data(), row * k + i));
      wrong += same(value, type == DType::f32 ? expected : from_bf16(to_bf16(expected))) ? 0 : 1;
    }
  }
  return wrong;
}

class DecodedRows : public testing::TestWithParam<simd::Isa> {
 protected:
  void SetUp() override {
    if (!simd::available(GetParam(), cpu_info())) GTEST_SKIP() << "not on this processor";
  }
};

TEST_P(DecodedRows, AreThoseOfDequantizeInEveryFormat) {
  for (const Format& format : formats())
    for (const std::int64_t k : {256, 768})
      for (const bool zero_points : {false, true}) {
        if (zero_points && !format.zero_points) continue;
        const Matrix matrix(format, 131, k, zero_points);
        for (const DType type : {DType::f32, DType::bf16})
          EXPECT_EQ(differences(matrix, type, GetParam()), 0)
              << format.name << " as " << name(type) << ", k = " << k;
      }
}

TEST_P(DecodedRows, MayBeOfAnyLengthWhereCodesAreBytes) {
  for (const Format& format : formats()) {
    if (format.bits != 8 || format.gguf()) continue;
    for (const std::int64_t k : {1, 31, 33, 129, 300}) {
      const Matrix matrix(format, 5, k, false);
      for (const DType type : {DType::f32, DType::bf16})
        EXPECT_EQ(differences(matrix, type, GetParam()), 0)
            << format.name << " as " << name(type) << ", k = " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, DecodedRows, testing::ValuesIn(isas),
                         [](const auto& param) { return std::string(simd::name(param.param)); });

}  // namespace
}  // namespace ergon
