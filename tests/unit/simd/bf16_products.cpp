// What the processor's own bf16 dot products do to denormals and how they round (docs/kernels.md).

#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

const TileSet* pairs() {
  const TileSet* found = nullptr;
  for (const TileSet* set : usable_sets())
    if (set->product == Product::bf16 && !set->feature.empty()) found = set;
  return found;
}

struct Pair {
  float even, odd;
  std::uint32_t word() const {
    return to_bf16(even) | static_cast<std::uint32_t>(to_bf16(odd)) << 16;
  }
};

// The sum over groups of left . right, begun at 0.
float dot(const TileSet& set, const std::vector<std::pair<Pair, Pair>>& groups) {
  std::vector<std::uint32_t> left;
  HostMemory right(groups.size() * 64);
  auto* to = reinterpret_cast<std::uint32_t*>(right.data());
  for (const auto& [a, b] : groups) {
    left.push_back(a.word());
    for (int j = 0; j < set.lanes; ++j) *to++ = b.word();
  }
  float sums[16];
  TileCall call;
  call.groups = static_cast<std::int64_t>(groups.size());
  call.left = reinterpret_cast<const std::byte*>(left.data());
  call.left_group = 4;
  call.right = right.data();
  call.right_group = 4 * set.lanes;
  call.to = reinterpret_cast<std::byte*>(sums);
  call.columns = set.lanes;
  set.tile(1, 1)(call);
  return sums[0];
}

class Bf16Products : public testing::Test {
 protected:
  void SetUp() override {
    if (pairs() == nullptr) GTEST_SKIP() << "the processor has no bf16 dot product";
  }
};

const float least_denormal = std::ldexp(1.0f, -133);

TEST_F(Bf16Products, TakeDenormalsAsZero) {
  ASSERT_NE(to_bf16(least_denormal), 0);
  EXPECT_EQ(dot(*pairs(), {{{least_denormal, 0}, {std::ldexp(1.0f, 120), 0}}}), 0);
  EXPECT_EQ(dot(*pairs(), {{{1, 0}, {64 * least_denormal, 0}}}), 0);
}

TEST_F(Bf16Products, GiveZeroForADenormalSum) {
  const float tiny = std::ldexp(1.0f, -70);
  EXPECT_EQ(dot(*pairs(), {{{tiny, 0}, {tiny, 0}}}), 0);
}

TEST_F(Bf16Products, PassInfinitiesAndNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(dot(*pairs(), {{{infinity, 0}, {2, 1}}}), infinity);
  EXPECT_TRUE(std::isnan(dot(*pairs(), {{{infinity, 0}, {0, 1}}})));
  EXPECT_TRUE(std::isnan(dot(*pairs(), {{{std::nanf(""), 0}, {1, 1}}})));
}

TEST_F(Bf16Products, AreWrittenAsBf16RoundedToNearestEven) {
  if (!pairs()->writes_bf16) return;
  std::mt19937 draw(13);
  std::uniform_real_distribution<float> real(-4, 4);
  std::vector<float> values = {0.0f,         1.00390625f, 1.01171875f,
                               -1.00390625f, 3.4e38f,     std::numeric_limits<float>::infinity(),
                               std::nanf("")};
  for (int i = 0; i < 1000; ++i) values.push_back(real(draw));
  for (const float value : values) {
    std::vector<float> start(16, value);
    std::uint16_t written[17];
    std::fill(std::begin(written), std::end(written), std::uint16_t{0x1234});
    TileCall call;
    call.start = reinterpret_cast<const std::byte*>(start.data());
    call.to = reinterpret_cast<std::byte*>(written);
    call.columns = 15;
    call.to_bf16 = true;
    pairs()->tile(1, 1)(call);
    for (int j = 0; j < 15; ++j) {
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(from_bf16(written[j])));
      else
        EXPECT_EQ(written[j], to_bf16(value)) << value;
    }
    EXPECT_EQ(written[15], 0x1234);
  }
}

#if defined(__x86_64__)
// Intel's manual gives the order; a fused product is not rounded before it is added.
TEST_F(Bf16Products, AddTheOddProductThenTheEvenOneEachRoundedToNearest) {
  std::mt19937 draw(11);
  std::uniform_real_distribution<float> real(-1, 1);
  const auto bf16 = [&] { return from_bf16(to_bf16(real(draw))); };
  for (int i = 0; i < 20000; ++i) {
    const Pair a{bf16(), bf16()}, b{bf16(), bf16()}, c{bf16(), bf16()}, d{bf16(), bf16()};
    const float first = std::fma(a.even, b.even, a.odd * b.odd);
    const float second = std::fma(c.even, d.even, std::fma(c.odd, d.odd, first));
    ASSERT_EQ(dot(*pairs(), {{a, b}, {c, d}}), second);
  }
}
#else
TEST_F(Bf16Products, AreWithinTheirLastBitOfTheExactSum) {
  std::mt19937 draw(11);
  std::uniform_real_distribution<float> real(0.5, 1);
  const auto bf16 = [&] { return from_bf16(to_bf16(real(draw))); };
  for (int i = 0; i < 20000; ++i) {
    const Pair a{bf16(), bf16()}, b{bf16(), bf16()};
    const double exact = static_cast<double>(a.even) * b.even + static_cast<double>(a.odd) * b.odd;
    ASSERT_NEAR(dot(*pairs(), {{a, b}}), exact, std::ldexp(exact, -22));
  }
}
#endif

}  // namespace
}  // namespace ergon::simd
