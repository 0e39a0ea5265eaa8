#include "kernels/fill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace ergon {
namespace {

using testing::Each;
using testing::Ge;
using testing::Le;
using testing::Lt;

struct Filled {
  TensorDesc desc;
  std::vector<std::byte> bytes;

  explicit Filled(TensorDesc d, std::uint64_t seed = 1, std::uint64_t stream = 0, int threads = 1)
      : desc(std::move(d)), bytes(desc.span_bytes()) {
    fill_uniform(desc, bytes.data(), seed, stream, threads);
  }
  // Of a matrix, row by row.
  std::vector<double> values() const {
    std::vector<double> list;
    for (std::int64_t i = 0; i < desc.sizes[0]; ++i)
      for (std::int64_t j = 0; j < desc.sizes[1]; ++j)
        list.push_back(load(desc.dtype, bytes.data(), i * desc.strides[0] + j * desc.strides[1]));
    return list;
  }
};

Filled line(DType dtype, std::int64_t elements, std::uint64_t seed = 1, std::uint64_t stream = 0) {
  return Filled(dense(dtype, {1, elements}), seed, stream);
}

TEST(RandomBits, DifferByPositionSeedAndStream) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(random_bits(1, 2, i));
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_NE(random_bits(1, 2, 0), random_bits(2, 1, 0));
  EXPECT_NE(random_bits(1, 2, 1), random_bits(1, 3, 0));
}

TEST(NormalValue, HasTheMomentsOfTheNormalDistribution) {
  constexpr int count = 200000;
  double sum = 0, squares = 0, cubes = 0, fourths = 0;
  double within_one = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double v = normal_value(1, 2, i), square = v * v;
    sum += v, squares += square, cubes += square * v, fourths += square * square;
    within_one += square < 1 ? 1 : 0;
  }
  EXPECT_NEAR(sum / count, 0, 0.012);  // 5 standard errors each
  EXPECT_NEAR(squares / count, 1, 0.016);
  EXPECT_NEAR(cubes / count, 0, 0.044);
  EXPECT_NEAR(fourths / count, 3, 0.11);
  EXPECT_NEAR(within_one / count, 0.6827, 0.0053);
}

TEST(NormalValue, DiffersByPositionSeedAndStreamWithoutCorrelation) {
  double along = 0, across = 0;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    along += double{normal_value(1, 2, i)} * normal_value(1, 2, i + 1);
    across += double{normal_value(1, 2, i)} * normal_value(1, 3, i);
  }
  EXPECT_NEAR(along / 100000, 0, 0.016);
  EXPECT_NEAR(across / 100000, 0, 0.016);
  EXPECT_NE(normal_value(1, 2, 0), normal_value(2, 2, 0));
  EXPECT_EQ(normal_value(1, 2, 0), normal_value(1, 2, 0));
}

TEST(NormalValue, StaysWithinSevenDeviations) {
  for (std::uint64_t i = 0; i < 100000; ++i) EXPECT_LT(std::fabs(normal_value(7, 0, i)), 7);
}

TEST(Fill, GivesTheSameValuesWhateverLayoutPaddingAndThreads) {
  const auto plain = Filled(dense(DType::f32, {600, 701})).values();
  EXPECT_EQ(Filled({DType::f32, {600, 701}, {701, 1}}, 1, 0, 3).values(), plain);
  EXPECT_EQ(Filled({DType::f32, {600, 701}, {750, 1}}).values(), plain);
  EXPECT_EQ(Filled({DType::f32, {600, 701}, {1, 600}}).values(), plain);
  EXPECT_EQ(Filled({DType::f32, {600, 701}, {1, 640}}, 1, 0, 2).values(), plain);
}

TEST(Fill, ChangesWithSeedAndStream) {
  const auto one = line(DType::f64, 100).values();
  EXPECT_EQ(line(DType::f64, 100).values(), one);
  EXPECT_NE(line(DType::f64, 100, 2).values(), one);
  EXPECT_NE(line(DType::f64, 100, 1, 1).values(), one);
}

TEST(Fill, DrawsFloatsBetweenMinusOneAndOne) {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
    const auto values = line(dtype, 20000).values();
    EXPECT_THAT(values, Each(testing::AllOf(Ge(-1.0), Le(1.0)))) << name(dtype);
    double sum = 0, squares = 0;
    for (const double v : values) sum += v, squares += v * v;
    EXPECT_NEAR(sum / 20000, 0, 0.02) << name(dtype);  // 5 standard errors
    EXPECT_NEAR(squares / 20000, 1.0 / 3, 0.01) << name(dtype);
  }
  EXPECT_THAT(line(DType::f64, 20000).values(), Each(Lt(1.0)));
}

TEST(Fill, DrawsEveryIntegerOfItsRangeAndNoOther) {
  const auto range = [](DType dtype) {
    const auto values = line(dtype, 20000).values();
    const std::set<double> seen(values.begin(), values.end());
    return std::tuple(*seen.begin(), *seen.rbegin(), seen.size());
  };
  EXPECT_EQ(range(DType::s8), std::tuple(-127.0, 127.0, 255U));
  EXPECT_EQ(range(DType::u8), std::tuple(0.0, 255.0, 256U));
  EXPECT_THAT(line(DType::s32, 20000).values(), Each(testing::AllOf(Ge(-32768.0), Le(32767.0))));
}

TEST(Fill, PoisonsThePaddingAndNothingElse) {
  const Filled padded({DType::f32, {3, 4}, {6, 1}});
  for (std::int64_t at = 0; at < 16; ++at) {
    const bool padding = at % 6 >= 4;
    EXPECT_EQ(std::isnan(load(DType::f32, padded.bytes.data(), at)), padding) << at;
  }
}

TEST(Fill, LeavesAnEmptyTensorAlone) {
  EXPECT_TRUE(Filled(dense(DType::f32, {4, 0})).bytes.empty());
}

TEST(Poison, IsNanOrFarFromAnythingDrawn) {
  const std::vector<std::byte> floats(8, poison_byte(DType::f32));
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16})
    EXPECT_TRUE(std::isnan(load(dtype, floats.data(), 0))) << name(dtype);
  const std::vector<std::byte> integers(4, poison_byte(DType::s32));
  EXPECT_LT(load(DType::s32, integers.data(), 0), -2e9);
}

double entropy(const Filled& filled) {
  const HostTensor tensor{"x", filled.desc, filled.bytes.data()};
  return entropy_bits_per_element({&tensor, 1});
}

TEST(Entropy, OfConstantsIsZero) {
  Filled constant = line(DType::f32, 1000);
  std::fill(constant.bytes.begin(), constant.bytes.end(), std::byte{7});
  EXPECT_EQ(entropy(constant), 0);
}

TEST(Entropy, OfUniformBytesIsTheirLogarithm) {
  EXPECT_NEAR(entropy(line(DType::u8, 65536)), 8, 0.01);
  EXPECT_NEAR(entropy(line(DType::s8, 65536)), std::log2(255), 0.01);
}

TEST(Entropy, OfTwoValuesIsOneBit) {
  Filled two = line(DType::u8, 4096);
  for (std::size_t i = 0; i < two.bytes.size(); ++i) two.bytes[i] = std::byte(i % 2 == 0 ? 3 : 9);
  EXPECT_NEAR(entropy(two), 1, 0.01);
}

TEST(Entropy, SamplesStridedTensorsWithoutTheirPadding) {
  EXPECT_NEAR(entropy(Filled({DType::u8, {256, 256}, {1024, 1}})), 8, 0.01);
}

TEST(Entropy, WeighsTensorsByTheirElements) {
  const Filled big = line(DType::u8, 30000);
  Filled small = line(DType::u8, 10000);
  std::fill(small.bytes.begin(), small.bytes.end(), std::byte{0});
  const HostTensor both[] = {{"a", big.desc, big.bytes.data()},
                             {"b", small.desc, small.bytes.data()}};
  EXPECT_NEAR(entropy_bits_per_element(both), 6, 0.02);
}

}  // namespace
}  // namespace ergon
