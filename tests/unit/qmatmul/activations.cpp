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

}  // namespace
}  // namespace ergon
