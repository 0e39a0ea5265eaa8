#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/fill.h"
#include "kernels/qmatmul/format.h"

namespace ergon {
namespace {

using testing::Each;
using testing::ElementsAre;

struct Codes {
  std::vector<std::int8_t> codes;
  float scale;

  explicit Codes(const std::vector<float>& x, bool half = false)
      : codes(x.size(), 99),
        scale(quantize_activations(x.data(), static_cast<std::int64_t>(x.size()), half,
                                   codes.data())) {}
};

TEST(QuantizeActivations, GivesTheLargestItsEndOfTheCodesAtEitherSign) {
  const Codes positive({1, -0.5F, 0.25F, 0});
  EXPECT_THAT(positive.codes, ElementsAre(127, -64, 32, 0));
  EXPECT_EQ(positive.scale, 1.0F / 127);
  const Codes negative({0.5F, -2});
  EXPECT_THAT(negative.codes, ElementsAre(32, -127));
  EXPECT_EQ(negative.scale, 2.0F / 127);
}

TEST(QuantizeActivations, BreaksTiesToEven) {
  EXPECT_THAT(Codes({127, 0.5F, 1.5F, 2.5F, -2.5F, -3.5F}).codes,
              ElementsAre(127, 0, 2, 2, -2, -4));
}

TEST(QuantizeActivations, RoundsTheScaleToF16AndTheCodesWithoutIt) {
  const std::vector<float> x = {1, 0.7F, -0.3F};
  const Codes half(x, true), whole(x);
  EXPECT_EQ(half.scale, from_f16(to_f16(1.0F / 127)));
  EXPECT_NE(half.scale, whole.scale);
  EXPECT_EQ(half.codes, whole.codes);
}

TEST(QuantizeActivations, IsZeroBelowTheSmallestNormalScale) {
  const float limit = 0x1p-119F;
  const Codes at({limit, -limit});
  EXPECT_THAT(at.codes, ElementsAre(127, -127));
  EXPECT_GE(at.scale, std::numeric_limits<float>::min());
  for (const float below : {std::nextafter(limit, 0.0F), 1e-39F, 1e-45F, 0.0F}) {
    const Codes none({below, -below});
    EXPECT_THAT(none.codes, Each(0)) << below;
    EXPECT_EQ(none.scale, 0) << below;
  }
}

TEST(QuantizeActivations, OverflowsF16FromWhereItSays) {
  EXPECT_EQ(Codes({127 * 65519.0F}, true).scale, 65504);
  EXPECT_EQ(Codes({127 * 65520.0F}, true).scale, std::numeric_limits<float>::infinity());
  EXPECT_EQ(Codes({std::numeric_limits<float>::max()}).codes[0], 127);
}

TEST(QuantizeActivations, IsWithinHalfAStep) {
  for (const std::int64_t count : {1, 32, 64, 128, 1000})
    for (const float deviation : {1e-30F, 1.0F, 1e30F}) {
      std::vector<float> x(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = deviation * normal_value(1, 1, i);
      const Codes got(x);
      for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_LE(std::fabs(double{got.scale} * got.codes[i] - x[i]), 0.5001 * got.scale);
    }
}

struct Superblock {
  std::vector<std::int8_t> codes;
  float scale;

  explicit Superblock(std::vector<float> x) : codes(static_cast<std::size_t>(superblock), 99) {
    x.resize(codes.size());
    scale = quantize_superblock(x.data(), codes.data());
  }
};

TEST(QuantizeSuperblock, MakesTheFirstOfTheLargestTheLeastCode) {
  const Superblock positive({0.5F, 2, -2});
  EXPECT_EQ(positive.codes[0], -32);
  EXPECT_EQ(positive.codes[1], -127);
  EXPECT_EQ(positive.codes[2], 127);
  EXPECT_EQ(positive.codes[255], 0);
  EXPECT_EQ(positive.scale, 1 / (-127 / 2.0F));
  const Superblock negative({0.5F, -2, 2});
  EXPECT_EQ(negative.codes[0], 32);
  EXPECT_EQ(negative.codes[1], -127);
  EXPECT_EQ(negative.codes[2], 127);
  EXPECT_EQ(negative.scale, 1 / (127 / 2.0F));
}

TEST(QuantizeSuperblock, HasTheInverseOfItsFactorAsScale) {
  int otherwise = 0;  // than the quotient of the largest
  for (int i = 1; i < 100; ++i) {
    const auto largest = static_cast<float>(i);
    const Superblock one({largest});
    EXPECT_EQ(one.scale, 1 / (-127 / largest)) << i;
    otherwise += one.scale != largest / -127 ? 1 : 0;
  }
  EXPECT_GT(otherwise, 0);
}

TEST(QuantizeSuperblock, BreaksTiesToEven) {
  const Superblock ties({-127, 0.5F, 1.5F, 2.5F, -2.5F, -3.5F});
  EXPECT_EQ(ties.scale, 1);
  EXPECT_THAT(std::vector<int>(ties.codes.begin(), ties.codes.begin() + 6),
              ElementsAre(-127, 0, 2, 2, -2, -4));
}

TEST(QuantizeSuperblock, IsZeroWhereItsFactorIsInfinite) {
  for (const float tiny : {0.0F, -0.0F, 1e-45F, 3e-37F}) {
    const Superblock none({tiny, -tiny});
    EXPECT_THAT(none.codes, Each(0)) << tiny;
    EXPECT_EQ(none.scale, 0) << tiny;
  }
  // Denormal, as llama.cpp's.
  const Superblock small({-4e-37F});
  EXPECT_EQ(small.codes[0], -127);
  EXPECT_EQ(small.scale, 1 / (-127 / -4e-37F));
  EXPECT_GT(small.scale, 0);
}

}  // namespace
}  // namespace ergon
