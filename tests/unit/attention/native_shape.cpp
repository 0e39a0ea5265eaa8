// How many keys make a block of the loops with queries in lanes.
#include "kernels/attention/native_shape.h"

#include <gtest/gtest.h>

namespace ergon {
namespace {

std::int64_t block(std::int64_t q_rows, std::int64_t keys, std::int64_t width,
                   DType dtype = DType::bf16) {
  return NativeShape(dtype, q_rows, keys, width, width, simd::Isa::portable).block;
}

TEST(NativeShape, BlocksOfManyQueriesAreLargeButStayInTheL2Cache) {
  for (const DType dtype : {DType::bf16, DType::f32})
    for (const std::int64_t width : {64, 80, 128, 256}) {
      const std::int64_t keys = block(2048, 32768, width, dtype);
      EXPECT_LE(keys * 2 * width * static_cast<std::int64_t>(size_of(dtype)), 512 * 1024);
      EXPECT_GE(keys, block(128, 32768, width, dtype)) << "width " << width;
    }
  EXPECT_EQ(block(2048, 32768, 128), 1024);
  EXPECT_EQ(block(2048, 32768, 4096), 256) << "of any width";
}

TEST(NativeShape, BlocksAreNoLongerThanTheKeysAndCanBeCut) {
  for (const std::int64_t q_rows : {16, 2048})
    for (const std::int64_t keys : {1, 63, 64, 65, 200, 700, 5000}) {
      const std::int64_t of = block(q_rows, keys, 128);
      EXPECT_EQ(of % NativeShape::cut, 0);
      EXPECT_LT(of, keys + NativeShape::cut);
    }
}

}  // namespace
}  // namespace ergon
