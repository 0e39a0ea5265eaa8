// The softmax step whose queries are rows, of every set that this processor runs.
#include "tests/unit/simd/softmax_model.h"

namespace ergon::simd {
namespace {

class SoftmaxOfRows : public testing::TestWithParam<const SoftmaxSet*> {
 protected:
  const SoftmaxSet& set() const { return *GetParam(); }
};

int padded(int keys) { return (keys + softmax_lanes - 1) / softmax_lanes * softmax_lanes; }

/// Steps of one query, block by block.
class Row {
 public:
  explicit Row(const SoftmaxSet& set) : set_(set) {}

  struct Result {
    bool any;
    std::vector<float> logits, weights;
  };
  /// `beside`: what lies where a row of logits is padded.
  Result step(const Problem& p, const Block& block, int first, int end, float beside) {
    std::vector<float> row = block.logits;
    row.resize(static_cast<std::size_t>(padded(p.keys)), beside);
    Guarded<float> logits(row);
    const int bytes = padded(p.keys) * (set_.bf16 ? 2 : 4);
    Guarded<std::byte> weights(bytes, std::byte{0x33});
    SoftmaxRow call;
    block.give(call);
    call.logits = logits.data();
    call.keys = p.keys;
    call.scale_log2 = static_cast<float>(p.scale_log2);
    call.soft_cap = static_cast<float>(p.soft_cap);
    call.first = first;
    call.end = end;
    call.largest = largest_.data();
    call.sum = sum_.data();
    call.rescale = rescale_.data();
    call.weights = weights.data();
    const bool any = set_.row(call);
    EXPECT_EQ(any, rescale_[0] != 1);
    EXPECT_TRUE(logits.guards_hold() && weights.guards_hold());
    EXPECT_TRUE(largest_.guards_hold() && sum_.guards_hold() && rescale_.guards_hold());
    Result result{any, logits.values(), {}};
    for (int i = 0; i < padded(p.keys); ++i)
      result.weights.push_back(
          static_cast<float>(load(set_.bf16 ? DType::bf16 : DType::f32, weights.data(), i)));
    return result;
  }
  Model::Got got() const { return {largest_[0], sum_[0], rescale_[0]}; }

 private:
  const SoftmaxSet& set_;
  Guarded<float> largest_{1, -std::numeric_limits<float>::infinity()}, sum_{1, 0}, rescale_{1, 77};
};

constexpr float anything[] = {0, 1e30F, -1e30F, std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()};

void expect_right(Model& model, const Row& row, const Problem& p, const Block& block, int first,
                  int end, const Row::Result& result) {
  model.expect(block, 0, first, end, row.got(),
               [&](int key) { return double{result.weights[static_cast<std::size_t>(key)]}; });
  for (int key = p.keys; key < padded(p.keys); ++key)
    ASSERT_EQ(result.weights[static_cast<std::size_t>(key)], 0) << key << " of " << text(p);
}

TEST_P(SoftmaxOfRows, AreRightBlockByBlockWhateverLiesBesideThem) {
  std::mt19937 draw(3);
  for (const Problem& p : softmax_problems())
    for (const float beside : anything) {
      Row row(set());
      Model model(set(), p);
      for (int step = 0; step < 3; ++step) {
        const Block block(p, 1, draw);
        expect_right(model, row, p, block, 0, p.keys, row.step(p, block, 0, p.keys, beside));
        if (HasFailure()) return;
      }
    }
}

TEST_P(SoftmaxOfRows, LeaveOutWhatAQueryDoesNotSee) {
  std::mt19937 draw(5);
  for (int keys = 1; keys <= 70; ++keys)
    for (const int first : {-2, 0, 1, keys / 2, keys - 1, keys})
      for (const int end : {0, first, first + 1, keys - 1, keys, keys + 3})
        for (int kind = 0; kind < 4; ++kind) {
          const Problem p{keys, 0.25, kind == 1 ? 4.0 : 0, kind > 1};
          Row row(set());
          Model model(set(), p);
          for (int step = 0; step < 2; ++step) {
            const Block block(p, 1, draw);
            const float beside = anything[draw() % std::size(anything)];
            expect_right(model, row, p, block, first, end, row.step(p, block, first, end, beside));
            if (std::max(first, 0) >= std::min(end, keys)) {
              EXPECT_EQ(row.got().largest, -infinity);
              EXPECT_EQ(row.got().sum, 0);
              EXPECT_EQ(row.got().rescale, 1);
            }
            if (HasFailure()) return;
          }
        }
}

TEST_P(SoftmaxOfRows, RaiseTheLargestByMoreThanEightOnly) {
  const Problem p{.keys = 3, .scale_log2 = 1};
  std::mt19937 draw(1);
  Row row(set());
  const auto step = [&](float logit) {
    Block block(p, 1, draw);
    block.logits = {-100, logit, 3};
    return row.step(p, block, 0, p.keys, 0).any;
  };
  EXPECT_TRUE(step(-100));  // the first
  EXPECT_EQ(row.got().rescale, 0);
  EXPECT_FALSE(step(11));
  EXPECT_EQ(row.got().largest, 3);
  EXPECT_NEAR(row.got().sum, 2 + 256, 0.03);
  EXPECT_TRUE(step(11.5));
  EXPECT_EQ(row.got().largest, 11.5F);
  EXPECT_NEAR(row.got().rescale, std::exp2(-8.5), 1e-8);
  EXPECT_FALSE(step(-1e30F));
}

TEST_P(SoftmaxOfRows, CapTinyAndLargeLogitsToTheirLastBits) {
  const double scale = std::log2(std::exp(1.0));
  std::mt19937 draw(1);
  std::uniform_real_distribution<double> exponent(-60, 14);
  for (const double cap : {0.5, 30.0, 1000.0}) {
    const Problem p{.keys = 2048, .scale_log2 = scale, .soft_cap = cap};
    Block block(p, 1, draw);
    for (float& each : block.logits)
      each = static_cast<float>(std::exp2(exponent(draw)) * (draw() % 2 == 0 ? 1 : -1));
    Row row(set());
    const auto result = row.step(p, block, 0, p.keys, 0);
    for (std::size_t i = 0; i < block.logits.size(); ++i) {
      const double exact = cap * std::tanh(double{block.logits[i]} / cap) * scale;
      ASSERT_NEAR(result.logits[i], exact, 6e-7 * std::fabs(exact)) << block.logits[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, SoftmaxOfRows, testing::ValuesIn(usable_softmax_sets()),
                         [](const auto& param) { return label(*param.param); });

}  // namespace
}  // namespace ergon::simd
