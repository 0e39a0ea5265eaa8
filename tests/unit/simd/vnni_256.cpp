// The 256-bit VNNI tiles, compiled here for the encoding that AVX-512 has: linked before the
// library's own, which need AVX-VNNI.

#include "kernels/simd/tile_sets.h"
#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

void expect_products(const TileSet& set) {
  constexpr std::int64_t groups = 6, k = 4 * groups;
  const int rows = set.most_rows, width = set.panel();
  const Elements left(set.product, true, static_cast<std::size_t>(rows * k), 1);
  const Elements right(set.product, false, static_cast<std::size_t>(width * k), 2);
  HostMemory packed(static_cast<std::size_t>(width * k));
  set.pack({right.at(0), k, 1, width, width, k, packed.data()});
  std::vector<std::int32_t> sums(static_cast<std::size_t>(rows * width));
  TileCall call;
  call.groups = groups;
  call.left = left.at(0);
  call.left_row = k;
  call.left_group = 4;
  call.right = packed.data();
  call.right_group = 4 * width;
  call.to = reinterpret_cast<std::byte*>(sums.data());
  call.to_row = 4 * width;
  call.columns = set.lanes;
  set.tile(rows, set.most_vectors)(call);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < width; ++j) {
      double expected = 0;
      for (std::int64_t p = 0; p < k; ++p)
        expected += (left.value(static_cast<std::size_t>(r * k + p)) + set.left_shift) *
                    right.value(static_cast<std::size_t>(j * k + p));
      ASSERT_EQ(sums[static_cast<std::size_t>(r * width + j)], expected) << r << "," << j;
    }
}

TEST(Vnni256, MultipliesExactly) {
  if (!cpu_info().has("avx512_vnni") || !cpu_info().has("avx512vl"))
    GTEST_SKIP() << "the processor has no AVX-512 VNNI";
  expect_products(avx2_s8s8_quads);
  expect_products(avx2_u8s8_quads);
}

}  // namespace
}  // namespace ergon::simd
