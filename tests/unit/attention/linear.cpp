// The rules of linear attention: what it refuses, counts and draws, and what its oracle lets pass.
#include "kernels/attention/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention/structure.h"

namespace ergon {
namespace {

using std::string;
using testing::DoubleEq;
using testing::Each;
using testing::Eq;
using testing::HasSubstr;
using testing::Ne;

FieldMap linear(FieldMap more) {
  more.insert({{"structure", string("linear")},
               {"phase", string("decode")},
               {"q_heads", std::int64_t{4}},
               {"kv_len", std::int64_t{100}},
               {"head_dim", std::int64_t{8}}});
  return more;
}

std::unique_ptr<Attention> made(const FieldMap& fields) {
  auto workload = attention_family().make(fields);
  return std::unique_ptr<Attention>(dynamic_cast<Attention*>(workload.release()));
}

TEST(LinearSlopes, AreThoseOfMiniMaxTextsFirstLayer) {
  const std::vector<float> slopes = lightning_slopes(64);
  ASSERT_THAT(slopes.size(), Eq(64U));
  EXPECT_FLOAT_EQ(slopes[0], 0.917004043F * 1.00001F);  // 2^(-1/8)
  EXPECT_FLOAT_EQ(slopes[7], 0.5F * 1.00001F);
  EXPECT_FLOAT_EQ(slopes[63], 1.00001F / 256);
}

TEST(LinearSlopes, AreTakenFromTwoPowersOfTwoWhereHeadsAreNone) {
  // Those of 4 heads, then every second of those of 8.
  const double expected[] = {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
  const std::vector<float> slopes = lightning_slopes(6);
  ASSERT_THAT(slopes.size(), Eq(6U));
  for (std::size_t h = 0; h < 6; ++h)
    EXPECT_FLOAT_EQ(slopes[h], static_cast<float>(expected[h] * 1.00001)) << h;
}

TEST(LinearAttention, RefusesWhatBelongsToOtherStructures) {
  const std::pair<const char*, FieldValue> fields[] = {{"kv_heads", std::int64_t{2}},
                                                       {"lengths", string("spread")},
                                                       {"causal", false},
                                                       {"window", std::int64_t{8}},
                                                       {"sinks", true},
                                                       {"soft_cap", 2.0},
                                                       {"scale", 0.5},
                                                       {"page", std::int64_t{16}},
                                                       {"kv_dtype", string("s8")},
                                                       {"q_len", std::int64_t{101}}};
  for (const auto& [field, value] : fields) {
    try {
      attention_family().make(linear({{field, value}}));
      ADD_FAILURE() << field << " is taken";
    } catch (const InvalidField& error) {
      EXPECT_THAT(error.field, Eq(string(field)));
    }
  }
}

TEST(LinearAttention, IsDescribedByItsOwnFields) {
  const auto workload = made(linear({{"q_len", std::int64_t{3}}}));
  FieldMap fields;
  for (const Field& field : workload->fields()) fields.emplace(field.name, field.value);
  EXPECT_THAT(attention_family().make(fields)->name(), Eq(workload->name()));
  EXPECT_THAT(workload->name(), HasSubstr("structure=linear"));
}

TEST(LinearAttention, CountsTheRecurrenceAndTheStateTwice) {
  const auto a = made(linear(
      {{"batch", std::int64_t{3}}, {"q_len", std::int64_t{2}}, {"v_head_dim", std::int64_t{16}}}));
  const double state = 3.0 * 4 * 8 * 16 * 4, rows = 3.0 * 2 * 4;
  EXPECT_THAT(a->work().flops, DoubleEq(rows * 4 * 8 * 16));
  EXPECT_THAT(a->work().bytes, DoubleEq(rows * 2 * (8 + 16) * 2 + 2 * state + 4 * 4));
  EXPECT_THAT(a->distinct_bytes(), DoubleEq(a->work().bytes - state));
  EXPECT_THAT(a->work().tokens, Eq(6.0));
  EXPECT_THAT(a->kv_bytes_per_token(), Eq(std::nullopt));
}

TEST(LinearAttention, DoesTheSameWorkHoweverMuchCameBefore) {
  const auto few = made(linear({}));
  FieldMap fields = linear({});
  fields["kv_len"] = std::int64_t{100000};
  EXPECT_THAT(made(fields)->work().bytes, Eq(few->work().bytes));
}

TEST(LinearAttention, BeginsASequenceWithoutAStateAndGoesOnWithOne) {
  const FieldMap whole = linear({{"q_len", std::int64_t{100}}}),
                 rest = linear({{"q_len", std::int64_t{99}}});
  for (const bool begins : {true, false}) {
    const auto workload = attention_family().make(begins ? whole : rest);
    const auto inputs = attention_family().inputs(*workload, 1, 1);
    const float* state = inputs->as<float>("state", 0);
    const std::vector<float> values(state, state + inputs->desc("state").elements());
    if (begins)
      EXPECT_THAT(values, Each(0.0F));
    else
      EXPECT_THAT(values, Each(Ne(0.0F)));
  }
}

// Outputs as the oracle's own formula has them, in double.
class LinearOracle : public testing::Test {
 protected:
  LinearOracle()
      : a_(made(linear({{"q_len", std::int64_t{5}}, {"dtype", string("f32")}}))),
        inputs_(attention_family().inputs(*a_, 3, 1)),
        oracle_(attention_family().oracle(*a_, *inputs_)),
        o_(static_cast<std::size_t>(5 * 4 * 8)),
        state_(static_cast<std::size_t>(4 * 8 * 8)) {
    std::memcpy(state_.data(), inputs_->data("state", 0), state_.size() * sizeof(float));
    const auto at = [&](const char* name, std::int64_t t, std::int64_t h) {
      return inputs_->as<float>(name, 0) + (t * 4 + h) * 8;
    };
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t c = 0; c < 8; ++c) {
        double s[8];
        for (int d = 0; d < 8; ++d) s[d] = state_[static_cast<std::size_t>((h * 8 + d) * 8 + c)];
        for (std::int64_t t = 0; t < 5; ++t) {
          double sum = 0;
          for (int d = 0; d < 8; ++d) {
            s[d] = std::exp(-double{inputs_->as<float>("slope", 0)[h]}) * s[d] +
                   double{at("k", t, h)[d]} * double{at("v", t, h)[c]};
            sum += double{at("q", t, h)[d]} * s[d];
          }
          o_[static_cast<std::size_t>((t * 4 + h) * 8 + c)] = static_cast<float>(sum);
        }
        for (int d = 0; d < 8; ++d)
          state_[static_cast<std::size_t>((h * 8 + d) * 8 + c)] = static_cast<float>(s[d]);
      }
  }

  Accuracy check() const {
    const std::vector<NamedDesc> outputs = structure_of(*a_).outputs(*a_);
    const HostTensor tensors[] = {
        {"o", outputs[0].desc, reinterpret_cast<const std::byte*>(o_.data())},
        {"state", outputs[1].desc, reinterpret_cast<const std::byte*>(state_.data())}};
    return oracle_->check(tensors);
  }

  std::unique_ptr<Attention> a_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Oracle> oracle_;
  std::vector<float> o_, state_;
};

TEST_F(LinearOracle, AgreesWithTheRecurrence) {
  const Accuracy accuracy = check();
  EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt));
  EXPECT_THAT(accuracy.checked_elements, Eq(std::int64_t(o_.size() + state_.size())));
  EXPECT_LT(accuracy.tolerance, 1e-4);
}

TEST_F(LinearOracle, SeesAWrongOutput) {
  o_.back() *= 1.0001F;
  EXPECT_THAT(check().mismatch.value_or(""), HasSubstr("o[0,4,3,7]"));
}

TEST_F(LinearOracle, SeesAStateThatWasNotUpdated) {
  std::memcpy(state_.data(), inputs_->data("state", 0), sizeof(float));
  EXPECT_THAT(check().mismatch.value_or(""), HasSubstr("state[0,0,0,0]"));
}

TEST_F(LinearOracle, TakesNoSingleOutput) {
  const std::vector<NamedDesc> outputs = structure_of(*a_).outputs(*a_);
  const HostTensor o = {"o", outputs[0].desc, reinterpret_cast<const std::byte*>(o_.data())};
  EXPECT_THROW(oracle_->check({&o, 1}), std::invalid_argument);
}

}  // namespace
}  // namespace ergon
