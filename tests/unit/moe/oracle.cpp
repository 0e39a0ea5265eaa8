// What the oracle of grouped products finds wrong, and what it does not.
#include "kernels/moe/oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "kernels/moe/routing.h"
#include "tests/unit/moe/workload.h"

namespace ergon {
namespace {

using std::string;

class MoeOracleOf : public testing::TestWithParam<const char*> {
 protected:
  MoeOracleOf()
      : moe_(moe_of(GetParam(), {7, 40, 128, 6, 2})), inputs_(moe_family().inputs(*moe_, 5, 1)) {}

  std::vector<std::int32_t> experts() const { return route(*moe_); }

  /// Y in float64 and rounded, from the operands alone.
  std::vector<float> y(const std::vector<std::int32_t>& expert) const {
    const QMatmul& q = moe_->tokens;
    const Activation activation(q, *inputs_, 0);
    std::vector<double> x(static_cast<std::size_t>(q.k)), w(x.size());
    std::vector<float> y;
    for (std::int64_t row = 0; row < moe_->rows(); ++row) {
      activation.multiplied(row / moe_->top_k, x.data());
      const auto weights = weights_of(*moe_, *inputs_, 0, expert[static_cast<std::size_t>(row)]);
      for (std::int64_t j = 0; j < q.n; ++j) {
        dequantize(q.layout, weights, j, w.data());
        double sum = 0;
        for (std::size_t p = 0; p < x.size(); ++p) sum += x[p] * w[p];
        y.push_back(static_cast<float>(sum));
      }
    }
    return y;
  }

  Accuracy check(const std::vector<float>& y, std::string_view name = own_arithmetic) const {
    const auto* data = reinterpret_cast<const std::byte*>(y.data());
    const HostTensor tensor{string(name), moe_->routed().y_desc(), data};
    return make_moe_oracle(*moe_, *inputs_)->check({&tensor, 1});
  }

  std::unique_ptr<Moe> moe_;
  std::unique_ptr<Inputs> inputs_;
};

TEST_P(MoeOracleOf, AcceptsWhatIsRight) {
  const Accuracy accuracy = check(y(experts()));
  EXPECT_EQ(accuracy.mismatch, std::nullopt);
  EXPECT_EQ(accuracy.checked_elements, 7 * 2 * 40);
  EXPECT_LT(accuracy.rel_l2, 1e-6);
  EXPECT_EQ(check(y(experts()), plain_arithmetic).mismatch, std::nullopt);
}

TEST_P(MoeOracleOf, SaysWhatQuantizingCost) {
  const double loss = check(y(experts())).quantization_rel_l2.value();
  EXPECT_GT(loss, 1e-4);
  EXPECT_LT(loss, 0.2);
}

TEST_P(MoeOracleOf, FindsAWrongExpertOfOneToken) {
  for (std::int64_t row = 0; row < moe_->rows(); ++row) {
    auto wrong = experts();
    std::int32_t& expert = wrong[static_cast<std::size_t>(row)];
    expert = (expert + 1) % 6;
    EXPECT_NE(check(y(wrong)).mismatch, std::nullopt) << row;
  }
}

TEST_P(MoeOracleOf, FindsTwoRowsThatChangedPlaces) {
  auto swapped = y(experts());
  const std::int64_t n = 40;
  std::swap_ranges(swapped.begin() + 2 * n, swapped.begin() + 3 * n, swapped.begin() + 8 * n);
  EXPECT_NE(check(swapped).mismatch, std::nullopt) << "of two tokens";
  swapped = y(experts());
  std::swap_ranges(swapped.begin() + 2 * n, swapped.begin() + 3 * n, swapped.begin() + 3 * n);
  EXPECT_NE(check(swapped).mismatch, std::nullopt) << "of one token";
}

TEST_P(MoeOracleOf, FindsAnExpertWhoseRowsWereNotTurned) {
  auto wrong = y(experts());
  const auto expert = experts();
  const auto last = static_cast<std::int64_t>(expert.size()) - 1;
  ASSERT_NE(expert.back(), 0);
  auto base = expert;
  base.back() = 0;
  const auto of_expert_0 = y(base);
  std::copy(of_expert_0.begin() + last * 40, of_expert_0.end(), wrong.begin() + last * 40);
  EXPECT_THAT(check(wrong).mismatch.value_or("nothing"), testing::HasSubstr("expert 1 of each"));
}

TEST_P(MoeOracleOf, RefusesWeightsThatAreNotTurned) {
  for (const NamedDesc& operand : inputs_->operands()) {
    if (!of_experts(operand)) continue;
    std::byte& last = inputs_->data(
        operand.name,
        0)[operand.desc.span_bytes() / 6 * static_cast<std::size_t>(experts()[0] + 1) - 1];
    last ^= std::byte{1};
    EXPECT_THROW(make_moe_oracle(*moe_, *inputs_), std::logic_error) << operand.name;
    last ^= std::byte{1};
    EXPECT_NO_THROW(make_moe_oracle(*moe_, *inputs_));
  }
}

TEST_P(MoeOracleOf, ReadsTheRoutingFromItsOperand) {
  auto other = experts();
  std::reverse(other.begin(), other.end());
  auto* expert = reinterpret_cast<std::int32_t*>(inputs_->data("expert", 0));
  std::copy(other.begin(), other.end(), expert);
  EXPECT_EQ(check(y(other)).mismatch, std::nullopt);
  EXPECT_NE(check(y(experts())).mismatch, std::nullopt);
  expert[3] = 6;
  EXPECT_THROW(make_moe_oracle(*moe_, *inputs_), std::logic_error);
}

TEST_P(MoeOracleOf, RefusesOtherOutputs) {
  EXPECT_THROW(check(y(experts()), "c"), std::invalid_argument);
  const auto oracle = make_moe_oracle(*moe_, *inputs_);
  EXPECT_THROW(oracle->check({}), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Every, MoeOracleOf, testing::Values("bf16", "w8a8", "w4a16"),
                         [](const auto& param) { return string(param.param); });

}  // namespace
}  // namespace ergon
