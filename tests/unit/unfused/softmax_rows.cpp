// The softmax between the two products, of every instruction set that this processor has, against
// float64.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/attention/unfused_softmax.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"

namespace ergon {
namespace {

using std::string;
using testing::Each;
using testing::Eq;

Attention one_head(const FieldMap& more) {
  FieldMap fields = {{"phase", string("prefill")},
                     {"q_heads", std::int64_t{1}},
                     {"dtype", string("f32")},
                     {"head_dim", std::int64_t{8}}};
  for (const auto& [name, value] : more) fields.insert_or_assign(name, value);
  return dynamic_cast<const Attention&>(*attention_family().make(fields));
}

std::vector<float> drawn(std::int64_t count, float factor) {
  std::vector<float> values(static_cast<std::size_t>(count));
  normal_values(3, stream_of("scores"), 0, values);
  for (float& value : values) value *= factor;
  return values;
}

std::vector<double> expected(std::vector<float> scores, double soft_cap, const float* sink) {
  std::vector<double> x(scores.begin(), scores.end());
  for (double& each : x)
    if (soft_cap > 0) each = soft_cap * std::tanh(each / soft_cap);
  double largest = *std::max_element(x.begin(), x.end());
  if (sink != nullptr) largest = std::max(largest, double{*sink});
  double sum = sink == nullptr ? 0 : std::exp(*sink - largest);
  for (const double each : x) sum += std::exp(each - largest);
  for (double& each : x) each = std::exp(each - largest) / sum;
  return x;
}

std::vector<simd::Isa> sets_here() {
  std::vector<simd::Isa> list;
  for (const simd::Isa isa : {simd::Isa::portable, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info())) list.push_back(isa);
  return list;
}

class SoftmaxRowsOf : public testing::TestWithParam<simd::Isa> {};
INSTANTIATE_TEST_SUITE_P(Each, SoftmaxRowsOf, testing::ValuesIn(sets_here()),
                         [](const auto& of) { return string(simd::name(of.param)); });

TEST_P(SoftmaxRowsOf, AreFloat64sToAFewUnitsInTheLastPlace) {
  const float sink = 1.5F;
  for (const std::int64_t keys : {1, 2, 31, 32, 33, 100, 1000})
    for (const double soft_cap : {0.0, 0.5, 30.0})
      for (const float* sinks : {static_cast<const float*>(nullptr), &sink}) {
        const Attention a =
            one_head({{"q_len", std::int64_t{1}}, {"kv_len", keys}, {"soft_cap", soft_cap}});
        const ScoreLayout layout(a);
        std::vector<float> scores = drawn(keys, 3);
        const std::vector<double> right = expected(scores, soft_cap, sinks);
        make_weights({a, layout, sinks, scores.data(), nullptr, static_cast<float>(soft_cap)},
                     GetParam());
        for (std::size_t i = 0; i < right.size(); ++i)
          EXPECT_NEAR(scores[i], right[i], 4e-6 * right[i])
              << i << " of " << keys << ", soft cap " << soft_cap;
      }
}

TEST_P(SoftmaxRowsOf, BearScoresThatAreFarApart) {
  const Attention a = one_head({{"q_len", std::int64_t{1}}, {"kv_len", std::int64_t{3}}});
  const ScoreLayout layout(a);
  std::vector<float> scores = {-3e4F, 2e4F, 2e4F};
  make_weights({a, layout, nullptr, scores.data()}, GetParam());
  EXPECT_NEAR(scores[0], 0, 1e-37);
  EXPECT_EQ(scores[1], 0.5F);
  EXPECT_EQ(scores[2], 0.5F);
}

TEST_P(SoftmaxRowsOf, RoundToBf16WhereTheyGoElsewhere) {
  const Attention a = one_head({{"q_len", std::int64_t{1}}, {"kv_len", std::int64_t{70}}});
  const ScoreLayout layout(a);
  std::vector<float> scores = drawn(70, 2), plain = scores;
  std::vector<std::uint16_t> rounded(scores.size(), 0x7fc0);
  make_weights({a, layout, nullptr, plain.data()}, GetParam());
  make_weights({a, layout, nullptr, scores.data(), rounded.data()}, GetParam());
  for (std::size_t i = 0; i < rounded.size(); ++i) EXPECT_EQ(rounded[i], to_bf16(plain[i])) << i;
}

TEST_P(SoftmaxRowsOf, GiveKeysThatAreNotSeenNothingWhateverTheirScores) {
  // The first two of five queries see nothing, the last one keys 1 and 2.
  const Attention a = one_head(
      {{"q_len", std::int64_t{5}}, {"kv_len", std::int64_t{3}}, {"window", std::int64_t{2}}});
  const ScoreLayout layout(a);
  std::vector<float> scores(15, 1.0F);
  for (const std::size_t unseen : {0, 5, 7, 11, 12}) scores[unseen] = NAN;
  make_weights({a, layout, nullptr, scores.data()}, GetParam());
  EXPECT_THAT(scores,
              testing::ElementsAre(0, 0, 0, 0, 0, 0, 1, 0, 0, 0.5F, 0.5F, 0, 0, 0.5F, 0.5F));
}

TEST(Mask, LeavesFiniteScoresWhereAQuerySeesNothing) {
  const Attention a = one_head({{"q_len", std::int64_t{3}}, {"kv_len", std::int64_t{2}}});
  const ScoreLayout layout(a);
  std::vector<float> scores(6, 7.0F);
  mask_scores({a, layout, nullptr, scores.data()});
  EXPECT_THAT(scores, testing::ElementsAre(0, 0, 7, -INFINITY, 7, 7));
  clear_unseeing({a, layout, nullptr, scores.data()});
  EXPECT_THAT(scores, testing::ElementsAre(0, 0, 7, -INFINITY, 7, 7));
  scores[0] = scores[1] = 0.5F;
  clear_unseeing({a, layout, nullptr, scores.data()});
  EXPECT_THAT(std::vector<float>(scores.begin(), scores.begin() + 2), Each(Eq(0.0F)));
}

}  // namespace
}  // namespace ergon
