#include "kernels/gemm/native_blocking.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

Gemm gemm(std::int64_t m, std::int64_t n, std::int64_t k, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}});
  return dynamic_cast<const Gemm&>(*gemm_family().make(more));
}

// The portable set, so that numbers do not depend on the processor: 4 x 8 tiles.
NativeBlocking blocking(const Gemm& what, int threads,
                        NativePacking packing = NativePacking::once) {
  const NativeShape shape(what);
  const auto& set = simd::best_tile_set(shape.product, simd::Isa::portable, CpuInfo{});
  return {shape, set, packing, threads, NativeCaches{}};
}

TEST(Blocking, CutsRowsEvenly) {
  const NativeBlocking b = blocking(gemm(10, 8, 8), 1);
  ASSERT_EQ(b.row_panels, 3);
  EXPECT_EQ(b.row_of(0), 0);
  EXPECT_EQ(b.row_of(1), 4);
  EXPECT_EQ(b.row_of(2), 7);
  EXPECT_EQ(b.row_of(3), 10);
}

TEST(Blocking, NoPanelHasMoreRowsThanATileOrNone) {
  for (const int threads : {1, 2, 3, 4, 7, 64})
    for (std::int64_t m = 1; m < 200; ++m) {
      const NativeBlocking b = blocking(gemm(m, 500, 8), threads);
      for (std::int64_t i = 0; i < b.row_panels; ++i) {
        const std::int64_t rows = b.row_of(i + 1) - b.row_of(i);
        ASSERT_GE(rows, 1) << m << " rows, " << threads << " threads";
        ASSERT_LE(rows, 4) << m << " rows, " << threads << " threads";
      }
      ASSERT_LE(b.parts(), threads);
      ASSERT_LE(b.row_parts, b.row_panels);
    }
}

TEST(Blocking, UsesMostOfAnyNumberOfThreads) {
  for (const int threads : {2, 3, 5, 7, 11, 13, 16, 24, 47, 64, 94, 192}) {
    const NativeBlocking b = blocking(gemm(2048, 2048, 2048), threads);
    EXPECT_GE(b.parts() * 10, threads * 9) << threads;
    EXPECT_LE(b.parts(), threads);
  }
  EXPECT_GT(blocking(gemm(64, 64, 64), 11).parts(), 5);
}

TEST(Blocking, LooksAtNoMoreLinesThanThereAre) {
  // With one k its stride is never walked, and may be anything.
  const NativeBlocking b = blocking(
      gemm(200, 8, 1, {{"transpose_a", true}, {"lda", std::int64_t{100000000000000001}}}), 1);
  EXPECT_TRUE(b.left_in_place);
}

TEST(Blocking, TheLastPanelIsAsNarrowAsItsVectors) {
  const NativeBlocking b = blocking(gemm(4, 17, 8), 1);
  EXPECT_EQ(b.column_panels, 3);
  EXPECT_EQ(b.columns_in(2), 1);
  EXPECT_EQ(b.width_of(2), 4);
  EXPECT_EQ(b.padded_columns, 20);
}

TEST(Blocking, TheBlocksOfKAddUp) {
  for (const std::int64_t k : {0, 1, 7, 500, 2048, 4097, 100001}) {
    const NativeBlocking b = blocking(gemm(4, 8, k), 1);
    std::int64_t groups = 0;
    for (std::int64_t i = 0; i < b.k_blocks; ++i) {
      EXPECT_GE(b.groups_in(i), std::min<std::int64_t>(k, 1)) << k;
      groups += b.groups_in(i);
    }
    EXPECT_EQ(groups, k);
  }
}

TEST(Blocking, BlocksOfRowsAreEven) {
  for (std::int64_t m = 1; m < 9000; m = m * 5 / 4 + 1) {
    const NativeBlocking b = blocking(gemm(m, 64, 2048), 2);
    const std::int64_t own = (b.row_panels + b.row_parts - 1) / b.row_parts;
    const std::int64_t blocks = (own + b.block_row_panels - 1) / b.block_row_panels;
    EXPECT_LT(b.block_row_panels - own / blocks, 2) << m;
    // They take half of L2, or three quarters where that spares a block.
    EXPECT_LE(b.block_row_panels * 4 * b.k_block * 4, 3 * (1 << 20) / 4 + 4 * b.k_block * 4) << m;
  }
}

TEST(Blocking, FewRowsGiveThreadsColumns) {
  const NativeBlocking b = blocking(gemm(1, 4096, 4096), 2);
  EXPECT_EQ(b.row_parts, 1);
  EXPECT_EQ(b.column_parts, 2);
}

TEST(Blocking, ABatchGivesThreadsWholeMatrices) {
  const NativeBlocking b = blocking(gemm(8, 8, 64, {{"batch", std::int64_t{64}}}), 2);
  EXPECT_EQ(b.batch_parts, 2);
}

TEST(Blocking, RowsThatCrowdASetOfTheCacheArePacked) {
  const Gemm spread = gemm(64, 64, 100), crowded = gemm(64, 64, 1024);
  EXPECT_TRUE(blocking(spread, 1).left_in_place);
  const NativeShape shape(crowded);
  const auto& set = simd::best_tile_set(shape.product, simd::Isa::portable, CpuInfo{});
  simd::TileSet tall = set;
  tall.most_rows = 14;
  EXPECT_FALSE((NativeBlocking{shape, tall, NativePacking::once, 1, NativeCaches{}}.left_in_place));
}

TEST(Shape, AColumnMajorCIsTheProductOfTheTransposes) {
  const NativeShape shape(gemm(100, 50, 8, {{"layout", std::string("col")}}));
  EXPECT_TRUE(shape.weights_left);
  EXPECT_EQ(shape.left.extent, 50);
  EXPECT_EQ(shape.c_column, 4);
  EXPECT_EQ(shape.c_row, 400);
}

TEST(Shape, FewRowsOfAColumnMajorCKeepBOnTheRight) {
  const NativeShape shape(gemm(8, 500, 8, {{"layout", std::string("col")}}));
  EXPECT_FALSE(shape.weights_left);
  EXPECT_EQ(shape.c_row, 4);
  EXPECT_EQ(shape.c_column, 32);
}

}  // namespace
}  // namespace ergon
