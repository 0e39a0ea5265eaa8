// What each format makes of weights: scales as it says, the nearest codes, and nothing odd at the
// edges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/fill.h"
#include "tests/unit/qmatmul/quantized.h"

namespace ergon {
namespace {

using testing::Each;
using Integer = std::int64_t;
using Matrix = std::vector<float>;

constexpr float most = std::numeric_limits<float>::max();

Matrix drawn(const WeightLayout& layout, float deviation = 1) {
  Matrix w(static_cast<std::size_t>(layout.n * layout.k));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = deviation * normal_value(5, 6, i);
  return w;
}

double value_of(const Format& format, int code) {
  if (format.code == Code::e2m1) return from_e2m1(static_cast<unsigned>(code));
  if (format.code == Code::e4m3) return from_e4m3(static_cast<unsigned>(code));
  return code;
}

// Codes that the format may use.
std::vector<int> codes_of(const Format& format) {
  std::vector<int> codes;
  const int low = format.code == Code::s8 ? -127 : 0;
  const int high = format.code == Code::s8 ? 127 : format.bits == 4 ? 15 : 255;
  for (int code = low; code <= high; ++code)
    if (!std::isnan(value_of(format, code))) codes.push_back(code);
  return codes;
}

class EveryLayout : public testing::TestWithParam<LayoutCase> {
 protected:
  // Two bands of rows where rows share scales, and ragged groups where those may be.
  static WeightLayout layout() {
    const bool ragged = GetParam().format == "fp8";
    const Integer unit = std::max<Integer>(GetParam().unit(), 32);
    return GetParam().of(ragged ? 131 : 5, ragged ? 257 : 3 * unit);
  }
  static const Format& format() { return *layout().format; }
  // The values that share the scale of (row, group).
  static Matrix shared(const WeightLayout& l, const Matrix& w, Integer row, Integer group) {
    const Integer rows = l.format->scale_rows, first = row / rows * rows;
    Matrix values;
    for (Integer j = first; j < std::min(l.n, first + rows); ++j)
      for (Integer i = group * l.group; i < std::min(l.k, (group + 1) * l.group); ++i)
        values.push_back(w[static_cast<std::size_t>(j * l.k + i)]);
    return values;
  }
  // |error| of each element over that of the best code for the stored scale; GGUF chooses codes by
  // the scale before it is rounded to f16.
  static void expect_nearest(const Stored& stored, const Matrix& w) {
    const WeightLayout& l = stored.layout;
    const std::vector<int> codes = codes_of(*l.format);
    const std::vector<double> got = stored.values();
    for (Integer j = 0; j < l.n; ++j)
      for (Integer i = 0; i < l.k; ++i) {
        const auto at = static_cast<std::size_t>(j * l.k + i);
        const double scale = stored.scale(j, i / l.group), zero = stored.zero(j, i / l.group),
                     minimum = stored.minimum(j, i / l.group);
        double least = std::numeric_limits<double>::infinity();
        for (const int code : codes)
          least = std::min(least,
                           std::fabs((value_of(*l.format, code) - zero) * scale - minimum - w[at]));
        const double slack = l.format->gguf() ? 0x1p-10 * std::fabs(w[at]) + 0x1p-20 : 0;
        EXPECT_LE(std::fabs(got[at] - w[at]), least * (1 + 1e-6) + slack) << j << "," << i;
      }
  }
};

TEST_P(EveryLayout, TakesTheNearestCode) {
  const Matrix w = drawn(layout());
  expect_nearest(Stored(layout(), w), w);
}

TEST_P(EveryLayout, TakesTheNearestCodeOfDenormalScales) {
  const Matrix w = drawn(layout(), 1e-39F);
  expect_nearest(Stored(layout(), w), w);
}

TEST_P(EveryLayout, TakesTheNearestCodeWhereAGroupHasOneSign) {
  for (const float sign : {1.0F, -1.0F}) {
    Matrix w = drawn(layout());
    for (float& value : w) value = sign * (2 + std::fabs(value));
    expect_nearest(Stored(layout(), w), w);
  }
}

TEST_P(EveryLayout, StaysFiniteAtTheEndsOfF32) {
  if (format().gguf()) GTEST_SKIP() << "f16 scales overflow";
  Matrix w = drawn(layout());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = i % 3 == 0 ? most : i % 3 == 1 ? -most : w[i];
  expect_nearest(Stored(layout(), w), w);
}

TEST_P(EveryLayout, MakesZerosOfZeros) {
  const Stored stored(layout(), Matrix(static_cast<std::size_t>(layout().n * layout().k), 0.0F));
  EXPECT_THAT(stored.values(), Each(0.0));
  EXPECT_EQ(stored.scale(0, 0), format().scale == ScaleType::e8m0 ? 0x1p-127F : 0);
  const bool symmetric = format().code == Code::u4 && !layout().zero_points && !format().minima;
  EXPECT_EQ(stored.code(0, 0), symmetric ? 8 : 0);
  EXPECT_EQ(stored.zero(0, 0), symmetric ? 8 : 0);
}

TEST_P(EveryLayout, TakesTheScaleItSays) {
  if (format().minima) GTEST_SKIP() << "least squares choose it";
  const WeightLayout l = layout();
  const Matrix w = drawn(l);
  const Stored stored(l, w);
  for (Integer j = 0; j < l.n; ++j)
    for (Integer g = 0; g < l.groups(); ++g) {
      const Matrix values = shared(l, w, j, g);
      const auto [least, highest] = std::minmax_element(values.begin(), values.end());
      const float largest = std::max(std::fabs(*least), std::fabs(*highest));
      const float scale = stored.scale(j, g);
      if (format().code == Code::e2m1) {
        EXPECT_TRUE(4 * scale <= largest && largest < 8 * scale) << scale << " " << largest;
        continue;
      }
      double expected = largest / 127.0;
      if (format().code == Code::u4) expected = largest / 7.5;
      if (l.zero_points) expected = (double{*highest} - *least) / 15;
      if (format().code == Code::e4m3) expected = largest / 448.0;
      if (format().name == "q4_0") expected = -(largest == *highest ? *highest : *least) / 8.0;
      const double unit = format().scale == ScaleType::f32    ? 0x1p-23
                          : format().scale == ScaleType::bf16 ? 0x1p-8
                                                              : 0x1p-11;
      EXPECT_NEAR(scale, expected, 1.01 * unit * std::fabs(expected)) << j << "," << g;
      if (l.zero_points) {
        EXPECT_EQ(stored.zero(j, g), std::nearbyint(-*least / scale));
      }
    }
}

TEST_P(EveryLayout, IsTheSameBandByBand) {
  const WeightLayout l = layout();
  const Matrix w = drawn(l);
  const Stored whole(l, w);
  Stored parts(l);
  for (Integer j = 0; j < l.n; j += l.format->scale_rows)
    quantize(l, j, std::min<Integer>(l.format->scale_rows, l.n - j), w.data() + j * l.k,
             {parts.codes.data(), parts.scales.data(), parts.zeros.data()});
  EXPECT_EQ(parts.codes, whole.codes);
  EXPECT_EQ(parts.scales, whole.scales);
  EXPECT_EQ(parts.zeros, whole.zeros);
}

TEST(Bf16Weights, AreRoundedAndNotScaled) {
  const WeightLayout l{format_from_name("bf16"), 3, 37, 37, false};
  const Matrix w = drawn(l);
  const Stored stored(l, w);
  const std::vector<double> got = stored.values();
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(got[i], from_bf16(to_bf16(w[i]))) << i;
  EXPECT_EQ(stored.scale(2, 0), 1);
  EXPECT_EQ(l.bytes(), 3 * 37 * 2);
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryLayout, testing::ValuesIn(every_layout()),
                         [](const auto& param) { return param.param.name(); });

TEST(Quantize, PutsZeroPointsAtTheEndsWhereAGroupHasOneSign) {
  const WeightLayout l = LayoutCase{"w4a16", 32, true}.of(1, 64);
  Matrix w(64);
  for (std::size_t i = 0; i < 32; ++i) {
    w[i] = 1 + static_cast<float>(i);
    w[32 + i] = -w[i];
  }
  const Stored stored(l, w);
  EXPECT_EQ(stored.zero(0, 0), 0);
  EXPECT_EQ(stored.code(0, 31), 15);
  EXPECT_EQ(stored.zero(0, 1), 15);
  EXPECT_EQ(stored.code(0, 63), 0);
}

TEST(Quantize, UsesBothEndsOfSymmetricCodes) {
  Matrix w(32, 0.0F);
  w[0] = 15;
  w[1] = -15;
  const Stored stored(LayoutCase{"w4a16", 32, false}.of(1, 32), w);
  EXPECT_EQ(stored.scale(0, 0), 2);
  EXPECT_EQ(stored.values()[0], 14);
  EXPECT_EQ(stored.values()[1], -16);
}

TEST(Quantize, SaturatesAFloatBeyondTheLargestOfItsScale) {
  Matrix w(32, 0.0F);
  w[3] = -7.9F;  // the scale is 1
  EXPECT_EQ(Stored(LayoutCase{"mxfp4", 32, false}.of(1, 32), w).values()[3], -6);
}

TEST(Quantize, TakesTheScaleOfABlockFromThatBlockAlone) {
  const WeightLayout l = LayoutCase{"fp8", 128, false}.of(131, 257);
  Matrix w(131 * 257, 1.0F);
  w[130 * 257 + 256] = 448;  // of the last block, of 3 rows and 1 column
  const Stored stored(l, w);
  EXPECT_EQ(stored.scale(130, 2), 1);
  EXPECT_EQ(stored.scale(128, 2), 1);
  EXPECT_EQ(stored.scale(127, 2), 1.0F / 448);
  EXPECT_EQ(stored.scale(130, 1), 1.0F / 448);
}

TEST(Quantize, LaysFourBitCodesTheEvenOneLow) {
  Matrix w(32, 0.0F);
  w[0] = 7.5F;
  w[1] = 2;
  const Stored integers(LayoutCase{"w4a16", 32, false}.of(1, 32), w);
  EXPECT_EQ(integers.codes[0], std::byte{0xaf});
  EXPECT_EQ(integers.codes[1], std::byte{0x88});
  w[0] = 6;
  const Stored floats(LayoutCase{"mxfp4", 32, false}.of(1, 32), w);
  EXPECT_EQ(floats.codes[0], std::byte{0x47});
}

TEST(Format, IsFoundByItsNameAndTellsItsSource) {
  for (const Format& format : formats()) {
    EXPECT_EQ(format_from_name(format.name), &format);
    EXPECT_FALSE(format.about.empty());
    EXPECT_FALSE(format.source.empty());
  }
  EXPECT_EQ(format_from_name("w3a16"), nullptr);
}

}  // namespace
}  // namespace ergon
