// alpha * sums + beta * C of every set that this processor runs.

#include <bit>
#include <limits>

#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

class Finishing : public testing::TestWithParam<const TileSet*> {};

TEST_P(Finishing, ScalesAndAddsAndLeavesTheRestAlone) {
  const TileSet& set = *GetParam();
  const auto size = static_cast<std::int64_t>(sum_bytes(set.product));
  constexpr int rows = 3;
  constexpr std::int64_t row = 40, c_row = 45;
  for (const int columns : {1, 7, 16, 37})
    for (const double alpha : {1.0, 2.0})
      for (const double beta : {0.0, 1.0, -3.0})
        for (const bool transposed : {false, true}) {
          std::vector<std::byte> from(static_cast<std::size_t>(rows * row * size));
          std::vector<std::byte> c(static_cast<std::size_t>(c_row * c_row * size), std::byte{0x33});
          const auto at = [&](int r, int j) {
            return c.data() + (transposed ? j * c_row + r : r * c_row + j) * size;
          };
          for (int r = 0; r < rows; ++r)
            for (int j = 0; j < columns; ++j) {
              put_sum(set.product, from.data() + (r * row + j) * size, 10 * r + j);
              // Where beta is 0, C may hold anything and is not read.
              if (beta != 0) put_sum(set.product, at(r, j), r - j);
            }
          std::vector<std::byte> expected = c;
          for (int r = 0; r < rows; ++r)
            for (int j = 0; j < columns; ++j)
              put_sum(set.product, expected.data() + (at(r, j) - c.data()),
                      alpha * (10 * r + j) + beta * (r - j));
          set.finish({rows, columns, from.data(), row * size, alpha, beta, c.data(),
                      (transposed ? 1 : c_row) * size, (transposed ? c_row : 1) * size});
          EXPECT_EQ(c, expected) << columns << " " << alpha << " " << beta << " " << transposed;
        }
}

TEST_P(Finishing, RoundsToBf16AsTheDtypeDoes) {
  const TileSet& set = *GetParam();
  const bool float_sums = set.product == Product::f32 || set.product == Product::bf16;
  ASSERT_EQ(set.finish_bf16 != nullptr, float_sums);
  if (!float_sums) return;
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> sums = {0.0f,     -0.0f,     1.0f,          1.00390625f, 1.01171875f,
                             3.4e38f,  -3.4e38f,  1e-40f,        -1e-40f,     9.2e-41f,
                             infinity, -infinity, std::nanf(""), 1e-45f,      1.17549435e-38f,
                             0.1f,     -0.3f};
  std::mt19937 draw(5);
  std::uniform_int_distribution<std::uint32_t> any;
  for (int i = 0; i < 2000; ++i) sums.push_back(std::bit_cast<float>(any(draw)));
  const int columns = static_cast<int>(sums.size());
  std::vector<std::uint16_t> c(sums.size());
  set.finish_bf16({1, columns, reinterpret_cast<const std::byte*>(sums.data()), 0, 1, 0,
                   reinterpret_cast<std::byte*>(c.data()), 0, 2});
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (std::isnan(sums[i]))
      EXPECT_TRUE(std::isnan(from_bf16(c[i])));
    else
      EXPECT_EQ(c[i], to_bf16(sums[i])) << sums[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Finishing, testing::ValuesIn(usable_sets()),
                         [](const auto& param) { return label(*param.param); });

}  // namespace
}  // namespace ergon::simd
