// Packing of every set that this processor runs, element by element.

#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

class Packing : public testing::TestWithParam<const TileSet*> {
 protected:
  void expect_packed(bool along_k, int rows, int width, std::int64_t k, std::int64_t gap) const {
    SCOPED_TRACE((along_k ? "along k, rows " : "along rows, rows ") + std::to_string(rows) +
                 " of " + std::to_string(width) + ", k " + std::to_string(k));
    const TileSet& set = *GetParam();
    const int words = group(set.product);
    const auto size = static_cast<std::int64_t>(element_bytes(set.product));
    const std::int64_t lines = along_k ? rows : k, length = (along_k ? k : rows) + gap;
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(lines * length - gap, 1));
    // Nothing lies behind the last element: sanitizers see who reads on.
    const Elements elements(set.product, true, count, 3);
    const std::int64_t groups = (k + words - 1) / words;
    const auto packed_bytes = static_cast<std::size_t>(groups * width * words * size);
    std::vector<std::byte> packed(packed_bytes + 16, std::byte{0x77});
    PackCall call;
    call.from = elements.at(0);
    call.row_stride = along_k ? length * size : size;
    call.k_stride = along_k ? size : length * size;
    call.rows = rows;
    call.width = width;
    call.k = k;
    call.to = packed.data();
    set.pack(call);
    for (std::int64_t g = 0; g < groups; ++g)
      for (int r = 0; r < width; ++r)
        for (int e = 0; e < words; ++e) {
          const std::int64_t p = g * words + e;
          const std::byte* got = packed.data() + ((g * width + r) * words + e) * size;
          const std::vector<std::byte> zero(static_cast<std::size_t>(size));
          const std::byte* expected =
              r < rows && p < k
                  ? elements.at(static_cast<std::size_t>(along_k ? r * length + p : p * length + r))
                  : zero.data();
          ASSERT_EQ(std::memcmp(got, expected, static_cast<std::size_t>(size)), 0)
              << "row " << r << ", element " << p;
        }
    for (std::size_t i = packed_bytes; i < packed.size(); ++i)
      ASSERT_EQ(packed[i], std::byte{0x77}) << "behind the panel";
  }
};

TEST_P(Packing, PutsEveryElementInItsWordAndZerosBeside) {
  const TileSet& set = *GetParam();
  for (const bool along_k : {true, false})
    for (const std::int64_t k : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 130}) {
      for (int rows = 1; rows <= set.most_rows; ++rows) expect_packed(along_k, rows, rows, k, 3);
      for (const int rows : {1, set.lanes - 1, set.lanes, set.panel() - 1, set.panel()})
        expect_packed(along_k, std::max(rows, 1), set.panel(), k, 0);
    }
}

TEST_P(Packing, OfNoDepthWritesNothing) {
  expect_packed(true, 3, 3, 0, 1);
  expect_packed(false, 3, 3, 0, 1);
}

INSTANTIATE_TEST_SUITE_P(Every, Packing, testing::ValuesIn(usable_sets()),
                         [](const auto& param) { return label(*param.param); });

}  // namespace
}  // namespace ergon::simd
