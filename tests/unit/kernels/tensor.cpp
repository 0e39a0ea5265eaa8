#include "kernels/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ergon {
namespace {

using testing::ElementsAre;

TEST(Dense, IsRowMajorWithoutGaps) {
  const TensorDesc desc = dense(DType::f32, {2, 3, 4});
  EXPECT_THAT(desc.strides, ElementsAre(12, 4, 1));
  EXPECT_EQ(desc.elements(), 24);
  EXPECT_EQ(desc.span_bytes(), 96U);
}

TEST(Span, EndsWithTheLastElementNotWithItsRow) {
  const TensorDesc desc{DType::bf16, {3, 4}, {10, 1}};
  EXPECT_EQ(desc.span_bytes(), 2U * (2 * 10 + 4));
}

TEST(Span, OfAnEmptyTensorIsZero) {
  EXPECT_EQ(dense(DType::f64, {5, 0, 3}).span_bytes(), 0U);
  EXPECT_EQ(dense(DType::f64, {5, 0, 3}).elements(), 0);
}

TEST(Span, OfAScalarIsOneElement) { EXPECT_EQ(dense(DType::s32, {}).span_bytes(), 4U); }

}  // namespace
}  // namespace ergon
