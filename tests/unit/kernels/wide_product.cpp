#include "kernels/gemm/wide_product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/fill.h"

namespace ergon {
namespace {

struct Matrix {
  std::int64_t rows, cols;
  std::vector<double> values;

  Matrix(std::int64_t r, std::int64_t c, std::uint64_t stream) : rows(r), cols(c) {
    values.resize(static_cast<std::size_t>(r * c));
    fill_uniform(dense(DType::f64, {r, c}), reinterpret_cast<std::byte*>(values.data()), 1, stream,
                 1);
  }
  double at(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
  MatrixView view() const { return {DType::f64, values.data(), 0, cols, 1}; }
};

// In the widest type there is, which is wider than float64 on x86 and on 64-bit Arm.
double wide_sum(const Matrix& a, const Matrix& b, std::int64_t i, std::int64_t j) {
  long double sum = 0;
  for (std::int64_t p = 0; p < a.cols; ++p)
    sum += static_cast<long double>(a.at(i, p)) * static_cast<long double>(b.at(p, j));
  return static_cast<double>(sum);
}

double worst_error(std::int64_t m, std::int64_t n, std::int64_t k, bool compensated) {
  const Matrix a(m, k, 1), b(k, n, 2);
  std::vector<double> out(static_cast<std::size_t>(m * n));
  wide_product(a.view(), b.view(), m, n, k, compensated, out.data(), n);
  double worst = 0;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      worst = std::max(worst,
                       std::fabs(out[static_cast<std::size_t>(i * n + j)] - wide_sum(a, b, i, j)));
  return worst;
}

TEST(WideProduct, IsRightAcrossBlockEdges) {
  for (const auto [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1},
                               {3, 130, 257},
                               {33, 129, 5},
                               {70, 3, 600},
                               {2, 2, 0}}) {
    EXPECT_LT(worst_error(m, n, k, false), 1e-13) << m << " " << n << " " << k;
    EXPECT_LT(worst_error(m, n, k, true), 1e-14) << m << " " << n << " " << k;
  }
}

TEST(WideProduct, IsTheSameForTransposedViews) {
  const Matrix a(20, 40, 1), bt(30, 40, 2);
  Matrix b(40, 30, 0);
  for (std::int64_t p = 0; p < 40; ++p)
    for (std::int64_t j = 0; j < 30; ++j)
      b.values[static_cast<std::size_t>(p * 30 + j)] = bt.at(j, p);
  std::vector<double> plain(600), transposed(600);
  wide_product(a.view(), b.view(), 20, 30, 40, false, plain.data(), 30);
  wide_product(a.view(), bt.view().transposed(), 20, 30, 40, false, transposed.data(), 30);
  EXPECT_EQ(plain, transposed);
}

TEST(WideProduct, KeepsWhatCancellationLosesWhenCompensated) {
  const double large = 0x1p60;
  const std::vector<double> a = {large, 1.0, -large}, ones = {1, 1, 1};
  double sum = 0;
  wide_product({DType::f64, a.data(), 0, 3, 1}, {DType::f64, ones.data(), 0, 1, 1}, 1, 1, 3, true,
               &sum, 1);
  EXPECT_EQ(sum, 1.0);
}

TEST(WideProduct, KeepsTheRoundingErrorOfProductsWhenCompensated) {
  const double x = 1 + 0x1p-30;  // x * x needs 61 bits
  const std::vector<double> a = {x, 1 + 0x1p-29}, b = {x, -1};
  double sum = 0;
  wide_product({DType::f64, a.data(), 0, 2, 1}, {DType::f64, b.data(), 0, 1, 1}, 1, 1, 2, true,
               &sum, 1);
  EXPECT_EQ(sum, 0x1p-60);
}

TEST(SegmentSums, AreProductsWithPiecesOfAVector) {
  const Matrix a(70, 10, 1), t(1, 10, 2);
  std::vector<double> sums(70 * 4, -1);
  segment_sums(a.view(), 70, t.values, 4, sums.data(), 4);  // three segments in rows of four
  for (std::int64_t i = 0; i < 70; ++i) {
    double last = 0;
    for (std::int64_t j = 8; j < 10; ++j) last += a.at(i, j) * t.at(0, j);
    EXPECT_NEAR(sums[static_cast<std::size_t>(i * 4 + 2)], last, 1e-15);
    EXPECT_EQ(sums[static_cast<std::size_t>(i * 4 + 3)], -1);
  }
}

}  // namespace
}  // namespace ergon
