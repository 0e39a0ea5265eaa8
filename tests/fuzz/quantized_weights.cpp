// Any bytes as weights, and any finite floats to be quantized: nothing is read or written outside,
// nothing is undefined, and what a format made it makes again. Drawn from fixed seeds, so a failure
// repeats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "tests/unit/qmatmul/quantized.h"

namespace ergon {
namespace {

using Integer = std::int64_t;

constexpr int rounds = 1500;

class Arbitrary {
 public:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  void fill(std::vector<std::byte>& bytes) {
    const int kind = below(4);  // all sorts, or many of one sort
    for (std::byte& byte : bytes)
      byte = std::byte(kind == 0 ? 0 : kind == 1 ? 0xff : kind == 2 ? below(4) * 85 : below(256));
    for (int i = below(4); i > 0 && !bytes.empty(); --i)
      bytes[static_cast<std::size_t>(below(static_cast<int>(bytes.size())))] =
          std::byte(below(256));
  }
  // Any finite bits; or of one magnitude, with a few of any.
  std::vector<float> floats(std::size_t count) {
    std::vector<float> values(count);
    const int exponent = below(278) - 149, any = below(5);
    std::normal_distribution<float> normal;
    for (float& value : values)
      value = below(4) < any ? finite_bits() : std::ldexp(normal(random_), std::min(exponent, 120));
    return values;
  }
  WeightLayout layout(const LayoutCase& of) {
    const bool ragged = of.group == 0 || of.format == "fp8";
    const Integer n = 1 + below(ragged ? 140 : 5);
    return of.of(n, ragged ? 1 + below(140) : of.group * (1 + below(3)));
  }

 private:
  float finite_bits() {
    for (;;) {
      const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
      if (std::isfinite(value)) return value;
    }
  }
  std::mt19937 random_{20260131};
};

class QuantizedWeights : public testing::TestWithParam<LayoutCase> {};

TEST_P(QuantizedWeights, AreReadWhateverTheirBytes) {
  Arbitrary arbitrary;
  for (int round = 0; round < rounds; ++round) {
    Stored stored(arbitrary.layout(GetParam()));
    arbitrary.fill(stored.codes);
    arbitrary.fill(stored.scales);
    arbitrary.fill(stored.zeros);
    const WeightLayout& l = stored.layout;
    const std::vector<double> values = stored.values();
    const Integer row = l.n - 1, at = l.k - 1, group = at / l.group;
    const int code = stored.code(row, at);
    const float scale = stored.scale(row, group);
    if (l.format->code == Code::s8 || l.format->code == Code::u4) {
      const double expected = double(code - stored.zero(row, group)) * scale;
      EXPECT_TRUE(values.back() == expected || std::isnan(expected)) << round;
    } else if (!std::isnan(values.back())) {
      EXPECT_LE(std::fabs(values.back()), 448 * double{scale} * (scale < 0 ? -1 : 1)) << round;
    }
  }
}

TEST_P(QuantizedWeights, AreWithinAStepOfAnyFloats) {
  Arbitrary arbitrary;
  for (int round = 0; round < rounds; ++round) {
    const WeightLayout l = arbitrary.layout(GetParam());
    const std::vector<float> w = arbitrary.floats(static_cast<std::size_t>(l.n * l.k));
    const Stored stored(l, w);
    const std::vector<double> values = stored.values();
    for (Integer j = 0; j < l.n; ++j)
      for (Integer p = 0; p < l.k; ++p) {
        const auto at = static_cast<std::size_t>(j * l.k + p);
        const double scale = std::fabs(double{stored.scale(j, p / l.group)});
        if (std::isinf(scale)) continue;  // GGUF's
        // The widest step between codes, and what is lost beyond the last: of e4m3 32 and none, of
        // e2m1 2 and nearly 2; a rounded scale moves codes by a part of the value.
        const double steps = l.format->code == Code::e4m3   ? 16
                             : l.format->code == Code::e2m1 ? 2
                                                            : 1;
        const double least = l.format->gguf ? 0x1p-20 : 0x1p-133;
        const double slack = std::fabs(w[at]) / 100 + 128 * least;
        EXPECT_LE(std::fabs(values[at] - w[at]), steps * scale + slack)
            << round << ": " << w[at] << " in steps of " << scale;
      }
  }
}

class StableWeights : public testing::TestWithParam<LayoutCase> {};

TEST_P(StableWeights, AreQuantizedToTheSameAgain) {
  Arbitrary arbitrary;
  for (int round = 0; round < rounds; ++round) {
    const WeightLayout l = arbitrary.layout(GetParam());
    const Stored once(l, arbitrary.floats(static_cast<std::size_t>(l.n * l.k)));
    const std::vector<double> values = once.values();
    const auto unfit = [](double v) { return !std::isfinite(static_cast<float>(v)); };
    if (std::any_of(values.begin(), values.end(), unfit)) continue;
    const Stored again(l, std::vector<float>(values.begin(), values.end()));
    const std::vector<double> same = again.values();
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(same[i], values[i], 1e-6 * std::fabs(values[i]) + 0x1p-126) << round << " " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantizedWeights, testing::ValuesIn(every_layout()),
                         [](const auto& param) { return param.param.name(); });

// Where the largest of a group is one of the format's values; of integers in groups it is half a
// step beside one.
std::vector<LayoutCase> stable_layouts() {
  std::vector<LayoutCase> list;
  for (const LayoutCase& layout : every_layout())
    if (format_from_name(layout.format)->group != 0) list.push_back(layout);
  return list;
}

INSTANTIATE_TEST_SUITE_P(Formats, StableWeights, testing::ValuesIn(stable_layouts()),
                         [](const auto& param) { return param.param.name(); });

TEST(QuantizedActivations, AreWithinAStepOfAnyFloats) {
  Arbitrary arbitrary;
  for (int round = 0; round < 10 * rounds; ++round) {
    const std::vector<float> x =
        arbitrary.floats(static_cast<std::size_t>(1 + arbitrary.below(128)));
    std::vector<std::int8_t> codes(x.size(), 99);
    const bool half = round % 2 == 1;
    const double scale =
        quantize_activations(x.data(), static_cast<Integer>(x.size()), half, codes.data());
    EXPECT_GE(*std::min_element(codes.begin(), codes.end()), -127);
    if (std::isinf(scale)) continue;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double slack = half ? std::fabs(x[i]) * 0x1p-10 + 127 * 0x1p-24 : 0x1p-119;
      EXPECT_LE(std::fabs(scale * codes[i] - x[i]), 0.5001 * scale + slack) << round << " " << x[i];
    }
  }
}

TEST(SmallFloats, TakeAnyBits) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    const unsigned four = to_e2m1(value), eight = to_e4m3(value);
    EXPECT_LT(four, 16U);
    EXPECT_LT(eight, 256U);
    EXPECT_EQ(std::isnan(from_e4m3(eight)), std::isnan(value));
  }
}

}  // namespace
}  // namespace ergon
