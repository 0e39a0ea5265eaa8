#include "kernels/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/fill.h"

namespace ergon {
namespace {

using testing::HasSubstr;
using testing::Optional;
using testing::StartsWith;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// A 5 x 7 matrix with padding, right until it is told otherwise.
struct Matrix {
  static constexpr std::int64_t rows = 5, cols = 7, ld = 9;
  DType dtype;
  TensorDesc desc;
  std::vector<std::byte> bytes;
  std::vector<double> expected;

  explicit Matrix(DType type = DType::f32) : dtype(type), desc{type, {rows, cols}, {ld, 1}} {
    bytes.assign(desc.span_bytes(), poison_byte(type));
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; ++j) {
        expected.push_back(static_cast<double>(i - j) + 0.5);
        if (!info(type).is_float) expected.back() = static_cast<double>(i * 100 - j);
        set(i, j, expected.back());
      }
  }
  void set(std::int64_t i, std::int64_t j, double value) {
    store(dtype, bytes.data(), i * ld + j, value);
  }
  double& want(std::int64_t i, std::int64_t j) {
    return expected[static_cast<std::size_t>(i * cols + j)];
  }
  Accuracy check(double tolerance = 0.01) const {
    return compare({"c", desc, bytes.data()}, expected, tolerance);
  }
};

TEST(Compare, AcceptsWhatIsRight) {
  const Accuracy accuracy = Matrix().check();
  EXPECT_EQ(accuracy.mismatch, std::nullopt);
  EXPECT_EQ(accuracy.max_abs, 0);
  EXPECT_EQ(accuracy.rel_l2, 0);
  EXPECT_EQ(accuracy.checked_elements, 35);
}

TEST(Compare, AcceptsErrorsUpToTheToleranceAndMeasuresThem) {
  Matrix m;
  m.set(1, 2, m.want(1, 2) + 0.0078125);
  const Accuracy accuracy = m.check();
  EXPECT_EQ(accuracy.mismatch, std::nullopt);
  EXPECT_EQ(accuracy.max_abs, 0.0078125);
  EXPECT_GT(accuracy.rel_l2, 0);
}

TEST(Compare, FindsOneWrongElementInTheLastTile) {
  Matrix m;
  m.set(4, 6, m.want(4, 6) + 0.02);
  EXPECT_THAT(m.check().mismatch, Optional(StartsWith("c[4,6]: got ")));
}

TEST(Compare, FindsASignFlip) {
  Matrix m;
  m.set(2, 2, -m.want(2, 2));
  EXPECT_THAT(m.check().mismatch, Optional(HasSubstr("c[2,2]: got -0.5, expected 0.5")));
}

TEST(Compare, FindsNanWhereANumberIsExpected) {
  Matrix m;
  m.set(4, 6, nan);
  EXPECT_THAT(m.check(1e30).mismatch, Optional(HasSubstr("got nan")));
}

TEST(Compare, FindsANumberWhereNanIsExpected) {
  Matrix m;
  m.want(0, 1) = nan;
  EXPECT_THAT(m.check(1e30).mismatch, Optional(HasSubstr("expected nan")));
}

TEST(Compare, AcceptsNanAndInfinityWhereTheyAreExpected) {
  Matrix m;
  m.want(0, 0) = nan;
  m.set(0, 0, nan);
  m.want(0, 1) = -inf;
  m.set(0, 1, -inf);
  const Accuracy accuracy = m.check();
  EXPECT_EQ(accuracy.mismatch, std::nullopt);
  EXPECT_EQ(accuracy.max_abs, 0);
}

TEST(Compare, FindsInfinityWhereANumberIsExpected) {
  Matrix m;
  m.set(3, 3, inf);
  EXPECT_THAT(m.check(1e300).mismatch, Optional(HasSubstr("got inf")));
}

TEST(Compare, FindsANumberWhereInfinityIsExpected) {
  Matrix m;
  m.want(3, 3) = inf;
  EXPECT_THAT(m.check(1e300).mismatch, Optional(HasSubstr("expected inf")));
}

TEST(Compare, FindsInfinityOfTheWrongSign) {
  Matrix m;
  m.want(3, 3) = inf;
  m.set(3, 3, -inf);
  EXPECT_TRUE(m.check(1e300).mismatch.has_value());
}

TEST(Compare, ExpectsInfinityWhereTheOutputTypeOverflows) {
  Matrix m(DType::f16);
  m.want(1, 1) = 1e6;
  m.set(1, 1, inf);
  EXPECT_EQ(m.check().mismatch, std::nullopt);
  m.set(1, 1, 65504);
  EXPECT_TRUE(m.check().mismatch.has_value());
}

TEST(Compare, FindsUnwrittenElements) {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16, DType::s32}) {
    Matrix m(dtype);
    const std::size_t size = size_of(dtype), at = (4 * Matrix::ld + 6) * size;
    std::fill_n(m.bytes.begin() + static_cast<std::ptrdiff_t>(at), size, poison_byte(dtype));
    EXPECT_THAT(m.check().mismatch, Optional(StartsWith("c[4,6]"))) << name(dtype);
  }
}

TEST(Compare, TakesZeroOfEitherSignAsZero) {
  Matrix m;
  m.want(0, 0) = 0.0;
  m.set(0, 0, -0.0);
  EXPECT_EQ(m.check(0).mismatch, std::nullopt);
}

TEST(Compare, FindsZerosWhereNumbersAreExpected) {
  Matrix m;
  for (std::int64_t j = 0; j < Matrix::cols; ++j) m.set(4, j, 0);
  EXPECT_THAT(m.check().mismatch, Optional(HasSubstr("7 of 35 checked values are wrong")));
}

TEST(Compare, HoldsIntegersToExactness) {
  Matrix m(DType::s32);
  EXPECT_EQ(m.check(0).mismatch, std::nullopt);
  m.set(0, 0, m.want(0, 0) + 1);
  EXPECT_THAT(m.check(0).mismatch, Optional(StartsWith("c[0,0]")));
}

TEST(Compare, IgnoresPadding) {
  Matrix m;
  store(DType::f32, m.bytes.data(), Matrix::cols, 1e30);
  EXPECT_EQ(m.check().mismatch, std::nullopt);
}

TEST(Compare, KeepsItsFiguresFinite) {
  Matrix m(DType::f64);
  m.set(0, 0, 1e308);
  m.want(0, 0) = -1e308;
  const Accuracy accuracy = m.check();
  EXPECT_TRUE(std::isfinite(accuracy.max_abs));
  EXPECT_TRUE(std::isfinite(accuracy.rel_l2));
  EXPECT_TRUE(accuracy.mismatch.has_value());
}

TEST(Compare, RefusesAnotherNumberOfExpectedValues) {
  Matrix m;
  m.expected.pop_back();
  EXPECT_THROW(m.check(), std::invalid_argument);
}

TEST(Comparer, KeepsTheFirstMismatch) {
  Comparer comparer("c", DType::f32, 0);
  const std::int64_t at[] = {3};
  comparer.add(1, 2, at);
  comparer.mismatch("another");
  EXPECT_THAT(comparer.result().mismatch, Optional(StartsWith("c[3]")));
}

}  // namespace
}  // namespace ergon
