#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/fill.h"
#include "kernels/qmatmul/format.h"

namespace ergon {
namespace {

using Decode = float (*)(unsigned);

constexpr float inf = std::numeric_limits<float>::infinity();

// By looking at every code of the value's sign; the even one of two that are as near.
unsigned nearest_code(Decode decode, unsigned sign_bit, float value) {
  const unsigned first = std::signbit(value) ? sign_bit : 0;
  unsigned best = first;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned code = first; code < first + sign_bit; ++code) {
    const double is = decode(code);
    if (std::isnan(is)) continue;
    const double error = std::fabs(is - double{value});
    if (error < least || (error == least && code % 2 == 0)) {
      least = error;
      best = code;
    }
  }
  return best;
}

// Every value, every half way between two, what lies beside those, and much else.
std::vector<float> telling_values(Decode decode, unsigned sign_bit) {
  std::vector<float> values = {0, 1e-45F, 1e-39F, 1e-30F, 1e4F, 1e9F};
  const auto add = [&](float value) {
    for (const float v : {std::nextafter(value, 0.0F), value, std::nextafter(value, inf)})
      values.push_back(v);
  };
  for (unsigned code = 0; code + 1 < sign_bit; ++code) {
    const float here = decode(code), next = decode(code + 1);
    add(here);
    if (!std::isnan(next)) add((here + next) / 2);
  }
  for (std::uint64_t i = 0; i < 5000; ++i)
    values.push_back(std::ldexp(std::fabs(normal_value(1, 2, i)), static_cast<int>(i % 30) - 18));
  const std::vector<float> positive = values;
  for (const float value : positive) values.push_back(-value);
  return values;
}

TEST(E2m1, HasTheValuesOfTheSpecification) {
  const std::vector<float> values = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  for (unsigned code = 0; code < 8; ++code) {
    EXPECT_EQ(from_e2m1(code), values[code]);
    EXPECT_EQ(from_e2m1(code | 8U), -values[code]);
    EXPECT_EQ(std::signbit(from_e2m1(code | 8U)), true);
  }
}

TEST(E2m1, ComesBackFromEveryCode) {
  for (unsigned code = 0; code < 16; ++code) EXPECT_EQ(to_e2m1(from_e2m1(code)), code);
}

TEST(E2m1, TakesTheNearestCode) {
  for (const float value : telling_values(from_e2m1, 8))
    EXPECT_EQ(to_e2m1(value), nearest_code(from_e2m1, 8, value)) << value;
}

TEST(E2m1, Saturates) {
  EXPECT_EQ(to_e2m1(7.99F), 7U);
  EXPECT_EQ(to_e2m1(std::numeric_limits<float>::max()), 7U);
  EXPECT_EQ(to_e2m1(inf), 7U);
  EXPECT_EQ(to_e2m1(-inf), 15U);
}

TEST(E4m3, HasTheValuesOfTheSpecification) {
  EXPECT_EQ(from_e4m3(0x00), 0);
  EXPECT_EQ(from_e4m3(0x01), 0x1p-9F);
  EXPECT_EQ(from_e4m3(0x07), 7 * 0x1p-9F);
  EXPECT_EQ(from_e4m3(0x08), 0x1p-6F);
  EXPECT_EQ(from_e4m3(0x38), 1);
  EXPECT_EQ(from_e4m3(0x3f), 1.875F);
  EXPECT_EQ(from_e4m3(0x78), 256);
  EXPECT_EQ(from_e4m3(0x7e), 448);
  EXPECT_EQ(from_e4m3(0xfe), -448);
  EXPECT_TRUE(std::isnan(from_e4m3(0x7f)));
  EXPECT_TRUE(std::isnan(from_e4m3(0xff)));
}

TEST(E4m3, GrowsFromCodeToCode) {
  for (unsigned code = 0; code < 0x7e; ++code) EXPECT_LT(from_e4m3(code), from_e4m3(code + 1));
}

TEST(E4m3, ComesBackFromEveryCode) {
  for (unsigned code = 0; code < 255; ++code) EXPECT_EQ(to_e4m3(from_e4m3(code)), code);
  EXPECT_TRUE(std::isnan(from_e4m3(to_e4m3(from_e4m3(255)))));
}

TEST(E4m3, TakesTheNearestCode) {
  for (const float value : telling_values(from_e4m3, 128))
    EXPECT_EQ(to_e4m3(value), nearest_code(from_e4m3, 128, value)) << value;
}

TEST(E4m3, SaturatesButForNan) {
  EXPECT_EQ(to_e4m3(464), 0x7eU);  // half way to what would be the next
  EXPECT_EQ(to_e4m3(1e30F), 0x7eU);
  EXPECT_EQ(to_e4m3(-inf), 0xfeU);
  EXPECT_EQ(to_e4m3(std::numeric_limits<float>::quiet_NaN()) & 0x7fU, 0x7fU);
}

TEST(E8m0, IsAPowerOfTwoForEveryCode) {
  EXPECT_EQ(from_e8m0(0), 0x1p-127F);
  EXPECT_EQ(from_e8m0(127), 1);
  EXPECT_EQ(from_e8m0(254), 0x1p127F);
  for (unsigned code = 0; code < 254; ++code) EXPECT_EQ(from_e8m0(code + 1), 2 * from_e8m0(code));
  EXPECT_TRUE(std::isnan(from_e8m0(255)));
}

}  // namespace
}  // namespace ergon
