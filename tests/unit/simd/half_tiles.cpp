// Every tile of every set whose right words are halves, against sums in float64.
#include "kernels/simd/half_tiles.h"

#include "tests/unit/simd/guarded.h"
#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

std::vector<const HalfTileSet*> usable_half_sets() {
  std::vector<const HalfTileSet*> list;
  for (const HalfTileSet* set : half_tile_sets())
    if (usable(*set, cpu_info())) list.push_back(set);
  return list;
}

std::string label(const HalfTileSet& set) {
  return std::string(name(set.isa)) + (set.bf16 ? "_bf16" : "_f16");
}

/// Where among its type's numbers halves are.
enum class Range { usual, denormal, large };

class Halves {
 public:
  Halves(bool bf16, Range range, std::size_t count, std::mt19937& draw) {
    std::uniform_real_distribution<double> real(-1, 1);
    double most = 1;
    if (range == Range::denormal) most = bf16 ? 0x1p-126 : 0x1p-14;
    if (range == Range::large) most = bf16 ? 0x1p120 : 65504;
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(real(draw) * most);
      bits_.push_back(bf16 ? to_bf16(value) : to_f16(value));
      values_.push_back(double{bf16 ? from_bf16(bits_.back()) : from_f16(bits_.back())});
    }
  }
  const std::byte* at(std::size_t index) const {
    return reinterpret_cast<const std::byte*>(bits_.data() + index);
  }
  double value(std::size_t index) const { return values_[index]; }

 private:
  std::vector<std::uint16_t> bits_;
  std::vector<double> values_;
};

/// A tile over operands of its own, that end where they are read last.
class OneTile {
 public:
  OneTile(const HalfTileSet& set, int rows, int vectors, int last, int groups,
          Range range = Range::usual)
      : set_(set),
        rows_(rows),
        vectors_(vectors),
        width_(vectors * set.lanes),
        columns_(width_ - set.lanes + last),
        groups_(groups),
        right_(set.bf16, range, at(width_ * groups), draw_),
        sums_(rows * row(), 77) {
    std::uniform_real_distribution<float> real(-1, 1);
    for (int i = 0; i < rows * groups; ++i) left_.push_back(real(draw_));
    call_.groups = groups;
    call_.left = reinterpret_cast<const std::byte*>(left_.data());
    call_.left_row = groups * 4;
    call_.left_group = 4;
    call_.right = right_.at(0);
    call_.right_group = width_ * 2;
    call_.to = reinterpret_cast<std::byte*>(sums_.data());
    call_.to_row = row() * 4;
    call_.columns = last;
  }
  TileCall& call() { return call_; }
  float* sums() { return sums_.data(); }
  int row() const { return width_ + 3; }

  /// `more(r, j)` is what the call adds to the products.
  template <class More>
  void run_and_expect(More more) {
    set_.tile(rows_, vectors_)(call_);
    for (int r = 0; r < rows_; ++r) {
      for (int j = 0; j < columns_; ++j) {
        double exact = more(r, j), magnitude = std::fabs(exact);
        for (int g = 0; g < groups_; ++g) {
          const double product =
              double{left_[at(r * groups_ + g)]} * right_.value(at(g * width_ + j));
          exact += product;
          magnitude += std::fabs(product);
        }
        // Products are fused or rounded, sums rounded; among denormals by their unit.
        ASSERT_NEAR(sums_[r * row() + j], exact, (groups_ + 2) * (magnitude * 0x1p-24 + 0x1p-149))
            << rows_ << "x" << columns_ << " groups " << groups_ << " at " << r << "," << j;
      }
      for (int j = columns_; j < row(); ++j)
        ASSERT_EQ(sums_[r * row() + j], 77) << "beside row " << r;
    }
    EXPECT_TRUE(sums_.guards_hold());
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  std::mt19937 draw_{17};
  const HalfTileSet& set_;
  int rows_, vectors_, width_, columns_, groups_;
  std::vector<float> left_;
  Halves right_;
  Guarded<float> sums_;
  TileCall call_;
};

double nothing(int, int) { return 0; }

class HalfTiles : public testing::TestWithParam<const HalfTileSet*> {
 protected:
  const HalfTileSet& set() const { return *GetParam(); }
  template <class Body>
  void over_tiles(Body body) const {
    for (int vectors = 1; vectors <= set().most_vectors; ++vectors)
      for (int rows = 1; rows <= set().most_rows; ++rows) body(rows, vectors);
  }
};

TEST_P(HalfTiles, MultiplyEveryNumberOfRowsAndColumns) {
  over_tiles([&](int rows, int vectors) {
    for (int last = 1; last <= set().lanes; ++last)
      OneTile(set(), rows, vectors, last, 5).run_and_expect(nothing);
  });
}

TEST_P(HalfTiles, MultiplyAnyDepthAndNone) {
  over_tiles([&](int rows, int vectors) {
    for (const int groups : {0, 1, 2, 3, 31})
      OneTile(set(), rows, vectors, set().lanes, groups).run_and_expect(nothing);
  });
}

TEST_P(HalfTiles, WidenDenormalsAndTheLargest) {
  over_tiles([&](int rows, int vectors) {
    for (const Range range : {Range::denormal, Range::large})
      OneTile(set(), rows, vectors, set().lanes, 9, range).run_and_expect(nothing);
  });
}

TEST_P(HalfTiles, AddToWhatIsThere) {
  over_tiles([&](int rows, int vectors) {
    const auto start = [](int r, int j) { return 4.0 * r - j; };
    OneTile one(set(), rows, vectors, set().lanes, 7);
    for (int r = 0; r < rows; ++r)
      for (int j = 0; j < vectors * set().lanes; ++j)
        one.sums()[r * one.row() + j] = static_cast<float>(start(r, j));
    one.call().start = one.call().to;
    one.call().start_row = one.call().to_row;
    one.run_and_expect(start);
  });
}

// Among the rows of all queries, and asking for memory that is not there.
TEST_P(HalfTiles, ReadLeftWordsByTheirStridesAndFetchBeyondTheEnd) {
  const int rows = set().most_rows, groups = 6;
  OneTile one(set(), rows, set().most_vectors, set().lanes, groups);
  std::vector<float> packed(static_cast<std::size_t>(rows * groups));
  for (int r = 0; r < rows; ++r)
    for (int g = 0; g < groups; ++g)
      std::memcpy(&packed[static_cast<std::size_t>(g * rows + r)],
                  one.call().left + r * one.call().left_row + g * 4, 4);
  one.call().left = reinterpret_cast<const std::byte*>(packed.data());
  one.call().left_row = 4;
  one.call().left_group = rows * 4;
  one.call().ahead = std::int64_t{1} << 40;
  one.run_and_expect(nothing);
}

INSTANTIATE_TEST_SUITE_P(Every, HalfTiles, testing::ValuesIn(usable_half_sets()),
                         [](const auto& param) { return label(*param.param); });

TEST(BestHalfTileSet, IsOfTheTypeAndInstructionSetAskedFor) {
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!available(isa, cpu_info())) continue;
    for (const bool bf16 : {false, true}) {
      const HalfTileSet& set = best_half_tile_set(bf16, isa, cpu_info());
      EXPECT_EQ(set.bf16, bf16);
      EXPECT_EQ(set.isa, isa == Isa::neon ? Isa::portable : isa);
    }
  }
  EXPECT_EQ(best_half_tile_set(false, Isa::avx512, CpuInfo{}).isa, Isa::portable);
}

}  // namespace
}  // namespace ergon::simd
