// GGUF blocks byte by byte, against blocks made by hand from llama.cpp's definition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
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

// Multiples of 1 that need every bit, and codes that tell their places.
constexpr std::array<int, 8> scales = {63, 1, 20, 33, 47, 16, 62, 5},
                             minima = {0, 63, 17, 32, 48, 15, 9, 30};
int code_of(std::size_t group, std::size_t i) { return static_cast<int>(i + 3 * group) % 16; }

std::vector<float> superblock_of_lines() {
  std::vector<float> w;
  for (std::size_t g = 0; g < 8; ++g)
    for (std::size_t i = 0; i < 32; ++i)
      w.push_back(static_cast<float>(scales[g] * code_of(g, i) - minima[g]));
  return w;
}

TEST(Q4K, PacksScalesAndMinimaOfSixBitsBehindTheirUnits) {
  const Stored stored(blocks("q4_K", 1, 256), superblock_of_lines());
  ASSERT_EQ(stored.codes.size(), 144U);
  const std::array<int, 16> expected = {0x00, 0x3c, 0x00, 0x3c, 0xbf, 0x41, 0xd4, 0x21,
                                        0xc0, 0x3f, 0x11, 0x60, 0x0f, 0xf0, 0x9e, 0xe5};
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(byte(stored, i), expected[i]) << i;
}

TEST(Q4K, PairsAGroupWithTheNext) {
  const Stored stored(blocks("q4_K", 1, 256), superblock_of_lines());
  for (std::size_t g = 0; g < 8; ++g)
    for (std::size_t i = 0; i < 32; ++i)
      EXPECT_EQ((byte(stored, 16 + g / 2 * 32 + i) >> (g % 2 * 4)) & 15, code_of(g, i));
}

TEST(Q4K, GivesBackWhatLiesOnItsLines) {
  const std::vector<float> w = superblock_of_lines();
  const Stored stored(blocks("q4_K", 1, 256), w);
  const std::vector<double> values = stored.values();
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(values[i], w[i]) << i;
  for (int g = 0; g < 8; ++g) {
    EXPECT_EQ(stored.scale(0, g), scales[static_cast<std::size_t>(g)]);
    EXPECT_EQ(stored.minimum(0, g), minima[static_cast<std::size_t>(g)]);
    EXPECT_EQ(stored.zero(0, g), 0);
  }
}

TEST(Q4K, IsNearerThanTheWholeRangeInEqualSteps) {
  // Of 31 values in steps of 1 and one that lies half a step beyond: the line bends to the many.
  std::vector<float> w(256, 0.0F);
  for (std::size_t i = 0; i < 31; ++i) w[i] = static_cast<float>(i % 15);
  w[31] = 15.4F;
  const std::vector<double> values = Stored(blocks("q4_K", 1, 256), w).values();
  double fitted = 0, stretched = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const double step = 15.4 / 15;
    fitted += std::pow(values[i] - w[i], 2);
    stretched += std::pow(std::nearbyint(w[i] / step) * step - w[i], 2);
  }
  EXPECT_LT(fitted, stretched / 2);
}

TEST(Q4K, HasMinimaThatAreNeverNegative) {
  std::vector<float> w(256);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(3 + i % 5);
  const Stored stored(blocks("q4_K", 1, 256), w);
  for (int g = 0; g < 8; ++g) EXPECT_EQ(stored.minimum(0, g), 0);
}

TEST(Q4K, ReadsABlockMadeByHand) {
  Stored stored(blocks("q4_K", 2, 512));
  std::byte* block = stored.codes.data() + 3 * 144;  // row 1, the second
  block[1] = std::byte{0x40};                        // 2
  block[3] = std::byte{0xb8};                        // -0.5
  block[4 + 3] = std::byte{0x85};                    // scale 3: 5; the upper bits of scale 7: 2
  block[4 + 7] = std::byte{0x46};                    // minimum 3: 6; of minimum 7: 1
  block[4 + 11] = std::byte{0xa9};                   // 9 and 10
  block[16 + 32 + 1] = std::byte{0x70};              // group 3 has the high half
  block[16 + 96 + 31] = std::byte{0x40};
  const std::vector<double> values = stored.values();
  EXPECT_EQ(values[512 + 256 + 3 * 32 + 1], 2 * 5 * 7 + 0.5 * 6);
  EXPECT_EQ(values[512 + 256 + 7 * 32 + 31], 2 * (32 + 9) * 4 + 0.5 * (16 + 10));
  EXPECT_EQ(values[512 + 256 + 2 * 32 + 1], 0);
}

TEST(Q4K, HasAnInfiniteMinimumFromWhereItSays) {
  const auto minimum = [](float all) {
    return Stored(blocks("q4_K", 1, 256), std::vector<float>(256, -all)).minimum(0, 0);
  };
  EXPECT_EQ(minimum(63 * 65519.0F), 63 * 65504.0F);
  EXPECT_EQ(minimum(63 * 65520.0F), std::numeric_limits<float>::infinity());
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
