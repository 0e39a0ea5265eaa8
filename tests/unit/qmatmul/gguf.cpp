// GGUF blocks byte by byte, against blocks made by hand from llama.cpp's definition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/qmatmul/quantized.h"

namespace ergon {
namespace {

using testing::Each;

WeightLayout blocks(const char* format, std::int64_t n, std::int64_t k) {
  return LayoutCase{format, 32, false}.of(n, k);
}

int byte(const Stored& stored, std::size_t at) { return static_cast<int>(stored.codes[at]); }

TEST(Q40, PairsElementsSixteenApartBehindTheScale) {
  std::vector<float> w(32);
  for (int i = 0; i < 32; ++i) w[static_cast<std::size_t>(i)] = static_cast<float>(i % 15 - 7);
  w[5] = -8;  // the largest: the scale is 1
  const Stored stored(blocks("q4_0", 1, 32), w);
  ASSERT_EQ(stored.codes.size(), 18U);
  EXPECT_EQ(byte(stored, 0), 0x00);  // f16 1, the low byte first
  EXPECT_EQ(byte(stored, 1), 0x3c);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(byte(stored, 2 + i) & 15, static_cast<int>(w[i]) + 8) << i;
    EXPECT_EQ(byte(stored, 2 + i) >> 4, static_cast<int>(w[i + 16]) + 8) << i;
  }
}

TEST(Q40, HasANegativeScaleWhereTheLargestIsPositive) {
  std::vector<float> w(32, 0.0F);
  w[0] = 16;
  w[1] = -16;  // as large, but later: saturates
  w[2] = 14;
  const Stored stored(blocks("q4_0", 1, 32), w);
  EXPECT_EQ(stored.scale(0, 0), -2);
  EXPECT_EQ(byte(stored, 2), 0x80);
  EXPECT_EQ(byte(stored, 3), 0x8f);
  EXPECT_EQ(byte(stored, 4), 0x81);
  EXPECT_EQ(stored.values()[1], -14);
}

TEST(Q40, RoundsHalvesUp) {
  std::vector<float> w(32, 0.0F);
  w[0] = -8;
  w[1] = 2.5F;
  w[2] = -2.5F;
  const Stored stored(blocks("q4_0", 1, 32), w);
  EXPECT_EQ(stored.values()[1], 3);
  EXPECT_EQ(stored.values()[2], -2);
}

TEST(Q40, IsEightsWhereAllIsZero) {
  const Stored stored(blocks("q4_0", 1, 32), std::vector<float>(32, 0.0F));
  EXPECT_EQ(byte(stored, 0), 0);
  for (std::size_t i = 2; i < 18; ++i) EXPECT_EQ(byte(stored, i), 0x88);
}

TEST(Q80, LaysCodesInOrderBehindTheScale) {
  std::vector<float> w(32);
  for (int i = 0; i < 32; ++i) w[static_cast<std::size_t>(i)] = static_cast<float>(7 * i - 90);
  const Stored stored(blocks("q8_0", 1, 32), w);  // the largest is 127
  ASSERT_EQ(stored.codes.size(), 34U);
  EXPECT_EQ(byte(stored, 0), 0x00);
  EXPECT_EQ(byte(stored, 1), 0x3c);
  for (std::size_t i = 0; i < 32; ++i)
    EXPECT_EQ(static_cast<std::int8_t>(byte(stored, 2 + i)), static_cast<int>(w[i])) << i;
}

TEST(Q80, RoundsHalvesAwayFromZero) {
  std::vector<float> w(32, 0.0F);
  w[0] = 127;
  w[1] = 2.5F;
  w[2] = -2.5F;
  const Stored stored(blocks("q8_0", 1, 32), w);
  EXPECT_EQ(stored.code(0, 1), 3);
  EXPECT_EQ(stored.code(0, 2), -3);
}

TEST(Gguf, RoundsTheScaleToF16AfterTheCodesAreChosen) {
  std::vector<float> w(32, 0.0F);
  w[0] = 1;
  const Stored stored(blocks("q8_0", 1, 32), w);
  EXPECT_EQ(stored.scale(0, 0), from_f16(to_f16(1.0F / 127)));
  EXPECT_EQ(stored.code(0, 0), 127);
}

TEST(Gguf, IsZeroWhereF16HasNoSuchScale) {
  for (const char* format : {"q4_0", "q8_0"})
    for (const float tiny : {1e-9F, 1e-37F, 1e-39F, 1e-45F})
      EXPECT_THAT(Stored(blocks(format, 1, 32), std::vector<float>(32, tiny)).values(), Each(0.0))
          << format << " " << tiny;
}

TEST(Gguf, HasAnInfiniteScaleFromWhereItSays) {
  const auto scale = [](const char* format, float all) {
    return std::fabs(Stored(blocks(format, 1, 32), std::vector<float>(32, all)).scale(0, 0));
  };
  EXPECT_EQ(scale("q4_0", 8 * 65519.0F), 65504);
  EXPECT_EQ(scale("q4_0", 8 * 65520.0F), std::numeric_limits<float>::infinity());
  EXPECT_EQ(scale("q8_0", 127 * 65519.0F), 65504);
  EXPECT_EQ(scale("q8_0", 127 * 65520.0F), std::numeric_limits<float>::infinity());
}

TEST(Gguf, HoldsOneRowAfterTheOther) {
  std::vector<float> w(3 * 64, 0.0F);
  w[2 * 64 + 32] = -8;
  w[2 * 64 + 32 + 17] = 3;
  const Stored stored(blocks("q4_0", 3, 64), w);
  const std::size_t block = (2 * 2 + 1) * 18;
  ASSERT_EQ(stored.codes.size(), 6U * 18);
  EXPECT_EQ(byte(stored, block + 1), 0x3c);
  EXPECT_EQ(byte(stored, block + 2), 0x80);
  EXPECT_EQ(byte(stored, block + 3), 0xb8);
}

TEST(Gguf, ReadsBlocksMadeByHand) {
  Stored stored(blocks("q4_0", 1, 32));
  stored.codes[1] = std::byte{0xc0};  // -2
  stored.codes[2] = std::byte{0x1f};
  EXPECT_EQ(stored.values()[0], -14);
  EXPECT_EQ(stored.values()[16], 14);
  EXPECT_EQ(stored.values()[1], 16);
  Stored bytes(blocks("q8_0", 1, 32));
  bytes.codes[1] = std::byte{0x38};  // 0.5
  bytes.codes[2 + 31] = std::byte{0x80};
  EXPECT_EQ(bytes.values()[31], -64);
}

}  // namespace
}  // namespace ergon
