#include "kernels/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace ergon {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double round_trip(DType dtype, double value) {
  alignas(8) std::byte element[8] = {};
  store(dtype, element, 0, value);
  return load(dtype, element, 0);
}

TEST(DTypeNames, ReadBackAsTheSameType) {
  for (const DType dtype : all_dtypes) EXPECT_EQ(dtype_from_name(name(dtype)), dtype);
  EXPECT_EQ(dtype_from_name("float"), std::nullopt);
}

TEST(DTypeInfos, GiveTheDistanceFromOneToTheNextNumber) {
  for (const DType dtype : all_dtypes) {
    if (!info(dtype).is_float) continue;
    const double epsilon = info(dtype).epsilon;
    EXPECT_EQ(round_trip(dtype, 1 + epsilon), 1 + epsilon) << name(dtype);
    EXPECT_EQ(round_trip(dtype, 1 + epsilon / 2), 1) << name(dtype);
  }
}

TEST(Bf16, EveryPatternSurvivesWideningAndRounding) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const float value = from_bf16(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(from_bf16(to_bf16(value))));
    else
      EXPECT_EQ(to_bf16(value), bits);
  }
}

TEST(F16, EveryPatternSurvivesWideningAndRounding) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const float value = from_f16(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(from_f16(to_f16(value))));
    else
      EXPECT_EQ(to_f16(value), bits) << value;
  }
}

TEST(F16, HasTheValuesOfBinary16) {
  EXPECT_EQ(from_f16(0x3c00), 1.0F);
  EXPECT_EQ(from_f16(0xc000), -2.0F);
  EXPECT_EQ(from_f16(0x7bff), 65504.0F);
  EXPECT_EQ(from_f16(0x0001), 0x1p-24F);
  EXPECT_EQ(from_f16(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(from_f16(0x8000)));
}

TEST(F16, OverflowsToInfinityFromHalfwayOn) {
  EXPECT_EQ(to_f16(65519.0F), 0x7bff);
  EXPECT_EQ(to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(to_f16(-1e30F), 0xfc00);
}

TEST(F16, RoundsTheLargestDenormalsUpToTheSmallestNormal) {
  EXPECT_EQ(to_f16(0x1.ffep-15F), 0x0400);
  EXPECT_EQ(to_f16(0x1p-25F), 0x0000);  // a tie, to even
  EXPECT_EQ(to_f16(0x1.8p-24F), 0x0002);
}

TEST(Rounding, BreaksTiesToEven) {
  EXPECT_EQ(round_trip(DType::bf16, 1 + 0x1p-8), 1.0);
  EXPECT_EQ(round_trip(DType::bf16, 1 + 3 * 0x1p-8), 1 + 0x1p-6);
  EXPECT_EQ(round_trip(DType::f16, 1 + 0x1p-11), 1.0);
  EXPECT_EQ(round_trip(DType::s32, 2.5), 2.0);
  EXPECT_EQ(round_trip(DType::s8, -3.5), -4.0);
}

TEST(Rounding, HappensOnceFromDouble) {
  // Just above a tie: rounding to f32 first would land on the tie and go down.
  EXPECT_EQ(round_trip(DType::bf16, 1 + 0x1p-8 + 0x1p-40), 1 + 0x1p-7);
  EXPECT_EQ(round_trip(DType::f16, 1 + 0x1p-11 + 0x1p-40), 1 + 0x1p-10);
  EXPECT_EQ(round_trip(DType::bf16, -(1 + 3 * 0x1p-8 - 0x1p-40)), -(1 + 0x1p-7));
}

TEST(Floats, KeepInfinitiesNanAndTheSignOfZero) {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
    SCOPED_TRACE(name(dtype));
    EXPECT_EQ(round_trip(dtype, inf), inf);
    EXPECT_EQ(round_trip(dtype, -inf), -inf);
    EXPECT_TRUE(std::isnan(round_trip(dtype, nan)));
    EXPECT_TRUE(std::signbit(round_trip(dtype, -0.0)));
  }
}

TEST(Floats, OverflowToInfinity) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    EXPECT_EQ(round_trip(dtype, 1e300), inf) << name(dtype);
    EXPECT_EQ(round_trip(dtype, -1e300), -inf) << name(dtype);
  }
}

TEST(Integers, SaturateAndTakeNanAsZero) {
  EXPECT_EQ(round_trip(DType::s8, 200), 127);
  EXPECT_EQ(round_trip(DType::s8, -inf), -128);
  EXPECT_EQ(round_trip(DType::u8, -1), 0);
  EXPECT_EQ(round_trip(DType::u8, 1e9), 255);
  EXPECT_EQ(round_trip(DType::s32, 1e10), 2147483647);
  EXPECT_EQ(round_trip(DType::s32, nan), 0);
}

TEST(Widen, FollowsAStride) {
  const std::vector<std::int8_t> values = {1, 2, 3, 4, 5, 6, 7};
  double out[3];
  widen(DType::s8, values.data(), 1, 2, 3, out);
  EXPECT_THAT(out, testing::ElementsAre(2, 4, 6));
}

}  // namespace
}  // namespace ergon
