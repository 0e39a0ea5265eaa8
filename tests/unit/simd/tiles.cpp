// Every tile of every set that this processor runs, against sums in float64.

#include <gmock/gmock.h>

#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

class Tiles : public testing::TestWithParam<const TileSet*> {
 protected:
  const TileSet& set() const { return *GetParam(); }
};

// A tile over operands of its own, with room around what it writes.
class OneTile {
 public:
  OneTile(const TileSet& set, int rows, int vectors, int columns, std::int64_t groups)
      : set_(set),
        rows_(rows),
        vectors_(vectors),
        columns_(columns),
        width_(vectors * set.lanes),
        k_(groups * group(set.product)),
        left_(set.product, true, static_cast<std::size_t>(rows * k_ + 1), 1),
        right_(set.product, false, static_cast<std::size_t>(width_ * k_ + 1), 2),
        packed_(static_cast<std::size_t>(width_ * k_) * element_bytes(set.product) + 64),
        row_bytes_(static_cast<std::int64_t>(sum_bytes(set.product)) * (width_ + 3)),
        sums_(static_cast<std::size_t>(row_bytes_ * (rows + 1))) {
    // Right words as they are packed: [groups][width] words of `group` elements.
    for (std::int64_t g = 0; g < groups; ++g)
      for (int j = 0; j < width_; ++j)
        for (int e = 0; e < group(set.product); ++e)
          std::memcpy(packed_.data() + (((g * width_ + j) * group(set.product) + e) *
                                        static_cast<std::int64_t>(element_bytes(set.product))),
                      right_.at(right_index(j, g * group(set.product) + e)),
                      element_bytes(set.product));
    std::memset(sums_.data(), 0x5a, sums_.size());
    before_ = sums_;
    call_.groups = groups;
    call_.left = left_.at(0);
    call_.left_row = k_ * static_cast<std::int64_t>(element_bytes(set.product));
    call_.left_group = static_cast<std::int64_t>(word_bytes(set.product));
    call_.right = packed_.data();
    call_.right_group = width_ * static_cast<std::int64_t>(word_bytes(set.product));
    call_.to = sums_.data();
    call_.to_row = row_bytes_;
    call_.columns = columns - (vectors - 1) * set.lanes;
  }

  TileCall& call() { return call_; }
  void run() { set_.tile(rows_, vectors_)(call_); }

  /// `more(r, j)` is what the call adds to the products.
  template <class More>
  void expect_sums(More more) const {
    for (int r = 0; r < rows_; ++r)
      for (int j = 0; j < columns_; ++j) {
        double expected = more(r, j);
        for (std::int64_t p = 0; p < k_; ++p)
          expected += (left_.value(static_cast<std::size_t>(r * k_ + p)) + set_.left_shift) *
                      right_.value(right_index(j, p));
        ASSERT_NEAR(sum_at(set_.product, at(r, j)), expected,
                    tolerance(set_.product, k_) * (1 + std::abs(more(r, j))))
            << rows_ << "x" << columns_ << " groups " << call_.groups << " at " << r << "," << j;
      }
  }
  void expect_nothing_beside() const {
    std::vector<std::byte> after = sums_;
    for (int r = 0; r < rows_; ++r)
      std::memcpy(after.data() + r * row_bytes_, before_.data() + r * row_bytes_,
                  static_cast<std::size_t>(columns_) * sum_bytes(set_.product));
    EXPECT_EQ(after, before_) << rows_ << "x" << columns_;
  }

 private:
  const std::byte* at(int r, int j) const {
    return sums_.data() + r * row_bytes_ + j * static_cast<std::int64_t>(sum_bytes(set_.product));
  }
  std::size_t right_index(int j, std::int64_t p) const {
    return static_cast<std::size_t>(j * k_ + p);
  }

  const TileSet& set_;
  int rows_, vectors_, columns_, width_;
  std::int64_t k_;
  Elements left_, right_;
  HostMemory packed_;
  std::int64_t row_bytes_;
  std::vector<std::byte> sums_, before_;
  TileCall call_;
};

double nothing(int, int) { return 0; }

TEST_P(Tiles, MultiplyEveryNumberOfRowsAndColumns) {
  for (int vectors = 1; vectors <= set().most_vectors; ++vectors)
    for (int rows = 1; rows <= set().most_rows; ++rows)
      for (int last = 1; last <= set().lanes; last += 3) {
        OneTile one(set(), rows, vectors, (vectors - 1) * set().lanes + last, 5);
        one.run();
        one.expect_sums(nothing);
        one.expect_nothing_beside();
      }
}

TEST_P(Tiles, MultiplyAnyDepthAndNone) {
  for (const std::int64_t groups : {0, 1, 2, 7, 100}) {
    OneTile one(set(), set().most_rows, set().most_vectors, set().panel(), groups);
    one.run();
    one.expect_sums(nothing);
  }
}

TEST_P(Tiles, StartFromSumsAndFromARow) {
  const int rows = set().most_rows, columns = set().panel() - 1;
  const auto size = static_cast<std::int64_t>(sum_bytes(set().product));
  std::vector<std::byte> start(static_cast<std::size_t>(rows * (columns + 5) * size));
  std::vector<std::byte> row(static_cast<std::size_t>(columns * size));
  const auto in_start = [](int r, int j) { return 4.0 * r + j; };
  const auto in_row = [](int j) { return 2.0 * j; };
  for (int j = 0; j < columns; ++j) {
    for (int r = 0; r < rows; ++r)
      put_sum(set().product, start.data() + (r * (columns + 5) + j) * size, in_start(r, j));
    put_sum(set().product, row.data() + j * size, in_row(j));
  }
  OneTile one(set(), rows, set().most_vectors, columns, 3);
  one.call().start = start.data();
  one.call().start_row = (columns + 5) * size;
  one.call().every_row = row.data();
  one.run();
  one.expect_sums([&](int r, int j) { return in_start(r, j) + in_row(j); });
  one.expect_nothing_beside();
}

TEST_P(Tiles, ReadLeftWordsWhereverTheyLie) {
  // Words of a group side by side, as packing leaves them.
  const int rows = set().most_rows;
  const std::int64_t groups = 9;
  OneTile one(set(), rows, 1, set().lanes, groups);
  const auto word = static_cast<std::int64_t>(word_bytes(set().product));
  std::vector<std::byte> packed(static_cast<std::size_t>(rows * groups * word));
  for (int r = 0; r < rows; ++r)
    for (std::int64_t g = 0; g < groups; ++g)
      std::memcpy(packed.data() + (g * rows + r) * word,
                  one.call().left + r * one.call().left_row + g * word,
                  static_cast<std::size_t>(word));
  one.call().left = packed.data();
  one.call().left_row = word;
  one.call().left_group = rows * word;
  one.run();
  one.expect_sums(nothing);
}

INSTANTIATE_TEST_SUITE_P(Every, Tiles, testing::ValuesIn(usable_sets()),
                         [](const auto& param) { return label(*param.param); });

TEST(IntegerTiles, DoNotSaturate) {
  // Two products of 255 and 127 pass 2^15, which 16-bit saturation would cut.
  for (const TileSet* set : usable_sets()) {
    if (set->product != Product::u8s8 && set->product != Product::s8s8) continue;
    for (const int extreme : {-128, 127}) {
      alignas(64) std::byte right[64 * 4];
      std::memset(right, extreme, sizeof right);
      const bool is_unsigned = set->product == Product::u8s8;
      const int left_value = is_unsigned ? 255 : -128;
      const std::uint32_t left = is_unsigned ? 0xffffffffU : 0x80808080U;
      std::int32_t sums[64] = {};
      TileCall call;
      call.groups = 4;
      call.left = reinterpret_cast<const std::byte*>(&left);
      call.right = right;
      call.right_group = 4 * set->lanes;
      call.to = reinterpret_cast<std::byte*>(sums);
      call.columns = set->lanes;
      set->tile(1, 1)(call);
      for (int j = 0; j < set->lanes; ++j)
        EXPECT_EQ(sums[j], 16 * (left_value + set->left_shift) * extreme) << label(*set);
    }
  }
}

TEST(BestTileSet, IsOfTheInstructionSetAskedFor) {
  const CpuInfo& cpu = cpu_info();
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!available(isa, cpu)) continue;
    for (const Product product :
         {Product::f64, Product::f32, Product::bf16, Product::s8s8, Product::u8s8}) {
      const TileSet& set = best_tile_set(product, isa, cpu);
      EXPECT_EQ(set.product, product);
      EXPECT_EQ(set.isa, isa);
    }
  }
}

TEST(BestTileSet, LeavesFeaturesAloneThatTheProcessorLacks) {
  CpuInfo plain;
  plain.isa = {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"};
  for (const Product product : {Product::bf16, Product::s8s8})
    EXPECT_EQ(best_tile_set(product, best_isa(plain), plain).feature, "");
  EXPECT_EQ(best_tile_set(Product::f32, best_isa(CpuInfo{}), CpuInfo{}).isa, Isa::portable);
}

}  // namespace
}  // namespace ergon::simd
