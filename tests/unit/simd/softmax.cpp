// The softmax step whose queries are columns, of every set that this processor runs.
#include "tests/unit/simd/softmax_model.h"

namespace ergon::simd {
namespace {

class SoftmaxOfColumns : public testing::TestWithParam<const SoftmaxSet*> {
 protected:
  const SoftmaxSet& set() const { return *GetParam(); }
  /// As many as vectors of the set's tiles give.
  std::vector<int> lane_counts() const {
    const TileSet& tiles =
        best_tile_set(set().bf16 ? Product::bf16 : Product::f32, set().isa, cpu_info());
    std::vector<int> list;
    for (int vectors = 1; vectors <= tiles.most_vectors; ++vectors)
      list.push_back(vectors * tiles.lanes);
    return list;
  }
  double weight_at(const std::byte* words, int key, int lane, int lanes) const {
    if (!set().bf16) return double{reinterpret_cast<const float*>(words)[key * lanes + lane]};
    const auto* halves = reinterpret_cast<const std::uint16_t*>(words);
    return double{from_bf16(halves[(key / 2 * lanes + lane) * 2 + key % 2])};
  }
};

/// Steps of some queries, block by block.
class Columns {
 public:
  Columns(const SoftmaxSet& set, int lanes)
      : set_(set),
        lanes_(lanes),
        largest_(lanes, -std::numeric_limits<float>::infinity()),
        sum_(lanes, 0),
        rescale_(lanes, 77) {}

  struct Result {
    bool any;
    std::vector<float> logits;
    std::vector<std::byte> weights;
  };
  /// `first` and `end` of each lane, counted from the block's first key.
  Result step(const Problem& p, const Block& block, const std::vector<int>& first,
              const std::vector<int>& end) {
    constexpr int first_key = 1000;
    SoftmaxColumns call = call_of(p);
    block.give(call);
    std::vector<std::int32_t> firsts, ends;
    for (const int each : first) firsts.push_back(each + first_key);
    for (const int each : end) ends.push_back(each + first_key);
    call.first = firsts.data();
    call.end = ends.data();
    call.first_key = first_key;
    call.all_first = std::clamp(*std::max_element(first.begin(), first.end()), 0, p.keys);
    call.all_end = std::clamp(*std::min_element(end.begin(), end.end()), call.all_first, p.keys);
    return run(call, block);
  }
  /// All lanes see all keys; what the lists hold is not looked at.
  Result step(const Problem& p, const Block& block) {
    const std::vector<std::int32_t> nobody(static_cast<std::size_t>(lanes_), -1);
    SoftmaxColumns call = call_of(p);
    block.give(call);
    call.first = call.end = nobody.data();
    call.all_end = p.keys;
    return run(call, block);
  }
  Model::Got got(int lane) const { return {largest_[lane], sum_[lane], rescale_[lane]}; }

 private:
  SoftmaxColumns call_of(const Problem& p) {
    SoftmaxColumns call;
    call.keys = p.keys;
    call.scale_log2 = static_cast<float>(p.scale_log2);
    call.soft_cap = static_cast<float>(p.soft_cap);
    call.lanes = lanes_;
    call.largest = largest_.data();
    call.sum = sum_.data();
    call.rescale = rescale_.data();
    return call;
  }
  Result run(SoftmaxColumns& call, const Block& block) {
    Guarded<float> logits(block.logits);
    const int words = set_.bf16 ? (call.keys + 1) / 2 : call.keys;
    Guarded<float> weights(words * lanes_, 99);
    call.logits = logits.data();
    call.weights = reinterpret_cast<std::byte*>(weights.data());
    const bool any = set_.columns(call);
    for (const Guarded<float>* each : {&logits, &weights, &largest_, &sum_, &rescale_})
      EXPECT_TRUE(each->guards_hold());
    bool changed = false;
    for (int i = 0; i < lanes_; ++i) changed |= rescale_[i] != 1;
    EXPECT_EQ(any, changed);
    const std::byte* bytes = call.weights;
    return {any,
            logits.values(),
            {bytes, bytes + static_cast<std::size_t>(words * lanes_) * sizeof(float)}};
  }

  const SoftmaxSet& set_;
  int lanes_;
  Guarded<float> largest_, sum_, rescale_;
};

TEST_P(SoftmaxOfColumns, ColumnsAreRightBlockByBlock) {
  std::mt19937 draw(3);
  for (const int lanes : lane_counts())
    for (Problem p : softmax_problems()) {
      Columns columns(set(), lanes);
      std::vector<Model> models(static_cast<std::size_t>(lanes), Model(set(), p));
      for (int step = 0; step < 3; ++step) {
        const Block block(p, lanes, draw);
        const auto result = columns.step(p, block);
        for (int i = 0; i < lanes; ++i) {
          models[static_cast<std::size_t>(i)].expect(
              block, i, 0, p.keys, columns.got(i),
              [&](int key) { return weight_at(result.weights.data(), key, i, lanes); });
          if (set().bf16 && p.keys % 2 == 1) {
            ASSERT_EQ(weight_at(result.weights.data(), p.keys, i, lanes), 0);
          }
        }
        if (HasFailure()) return;
      }
    }
}

TEST_P(SoftmaxOfColumns, ColumnsLeaveOutWhatAQueryDoesNotSee) {
  std::mt19937 draw(5);
  const auto below = [&](int limit) {
    return static_cast<int>(draw() % static_cast<unsigned>(limit));
  };
  for (const int lanes : lane_counts())
    for (int keys = 1; keys <= 70; keys += 3)
      for (int kind = 0; kind < 4; ++kind) {
        const Problem p{keys, 0.25, kind == 1 ? 4.0 : 0, kind > 1};
        Columns columns(set(), lanes);
        std::vector<Model> models(static_cast<std::size_t>(lanes), Model(set(), p));
        for (int step = 0; step < 4; ++step) {
          const Block block(p, lanes, draw);
          std::vector<int> first, end;
          for (int i = 0; i < lanes; ++i) {
            // Beyond either end too; lane 1 sees nothing before the third block.
            first.push_back(below(keys + 4) - 3);
            end.push_back(i == 1 && step < 2 ? first.back() : first.back() + below(keys + 5));
          }
          const auto result = columns.step(p, block, first, end);
          for (std::size_t i = 0; i < models.size(); ++i) {
            const int lane = static_cast<int>(i);
            models[i].expect(block, lane, first[i], end[i], columns.got(lane), [&](int key) {
              return weight_at(result.weights.data(), key, lane, lanes);
            });
          }
          if (step < 2) {
            EXPECT_EQ(columns.got(1).largest, -infinity);
            EXPECT_EQ(columns.got(1).sum, 0);
            EXPECT_EQ(columns.got(1).rescale, 1);
          }
          if (HasFailure()) return;
        }
      }
}

TEST_P(SoftmaxOfColumns, ColumnsRaiseTheLargestByMoreThanEightOnly) {
  const Problem p{.keys = 2, .scale_log2 = 1};
  const int lanes = lane_counts().front();
  std::mt19937 draw(1);
  Columns columns(set(), lanes);
  const auto step = [&](float logit) {
    Block block(p, lanes, draw);
    std::fill(block.logits.begin(), block.logits.end(), -100.0F);
    for (int i = 0; i < lanes; ++i) block.logits[static_cast<std::size_t>(i)] = 3;
    block.logits[static_cast<std::size_t>(lanes)] = logit;  // lane 0, key 1
    return columns.step(p, block).any;
  };
  EXPECT_TRUE(step(-100));  // the first
  EXPECT_EQ(columns.got(0).rescale, 0);
  EXPECT_FALSE(step(11));
  EXPECT_EQ(columns.got(0).largest, 3);
  EXPECT_NEAR(columns.got(0).sum, 2 + 256, 0.03);
  EXPECT_TRUE(step(11.5));
  EXPECT_EQ(columns.got(0).largest, 11.5F);
  EXPECT_NEAR(columns.got(0).rescale, std::exp2(-8.5), 1e-8);
  EXPECT_EQ(columns.got(1).rescale, 1);
  EXPECT_EQ(columns.got(1).largest, 3);
  EXPECT_FALSE(step(-1e30F));
}

TEST_P(SoftmaxOfColumns, CapsTinyAndLargeLogitsToTheirLastBits) {
  const double scale = std::log2(std::exp(1.0));
  const int lanes = lane_counts().back();
  std::mt19937 draw(1);
  for (const double cap : {0.5, 30.0, 1000.0}) {
    const Problem p{.keys = 64, .scale_log2 = scale, .soft_cap = cap};
    Block block(p, lanes, draw);
    std::uniform_real_distribution<double> exponent(-60, 14);
    for (float& each : block.logits)
      each = static_cast<float>(std::exp2(exponent(draw)) * (draw() % 2 == 0 ? 1 : -1));
    Columns columns(set(), lanes);
    const auto result = columns.step(p, block);
    for (std::size_t i = 0; i < block.logits.size(); ++i) {
      const double exact = cap * std::tanh(double{block.logits[i]} / cap) * scale;
      ASSERT_NEAR(result.logits[i], exact, 6e-7 * std::fabs(exact)) << block.logits[i];
    }
  }
}

TEST_P(SoftmaxOfColumns, ScaleEachColumnInPlaceAndElsewhere) {
  std::mt19937 draw(7);
  std::normal_distribution<float> normal;
  for (const int lanes : lane_counts())
    for (const int rows : {0, 1, 2, 7, 64}) {
      std::vector<float> values, factors;
      for (int i = 0; i < rows * lanes; ++i) values.push_back(normal(draw));
      for (int i = 0; i < lanes; ++i) factors.push_back(normal(draw));
      Guarded<float> in_place(values), elsewhere(rows * lanes, 77);
      set().scale({in_place.data(), in_place.data(), factors.data(), rows, lanes});
      set().scale({values.data(), elsewhere.data(), factors.data(), rows, lanes});
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] *= factors[i % static_cast<std::size_t>(lanes)];
      EXPECT_EQ(in_place.values(), values);
      EXPECT_EQ(elsewhere.values(), values);
      EXPECT_TRUE(in_place.guards_hold() && elsewhere.guards_hold());
    }
}

INSTANTIATE_TEST_SUITE_P(Every, SoftmaxOfColumns, testing::ValuesIn(usable_softmax_sets()),
                         [](const auto& param) { return label(*param.param); });

}  // namespace
}  // namespace ergon::simd
