// Latent attention: what its fields allow, how its work is counted, that both ways to it agree, and
// what its oracle finds.
#include "kernels/attention/mla.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/attention/outputs_of.h"

namespace ergon {
namespace {

using std::string;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Ne;
using testing::Optional;

FieldMap small(const char* phase, FieldMap more = {}) {
  FieldMap fields = attention_fields("mla", phase,
                                     {{"q_heads", 3},
                                      {"q_len", 5},
                                      {"kv_len", 40},
                                      {"head_dim", 28},
                                      {"v_head_dim", 18},
                                      {"kv_lora_rank", 33},
                                      {"rope_head_dim", 8}});
  more.merge(std::move(fields));
  return more;
}
FieldMap f32(FieldMap more = {}) {
  more.insert({"dtype", string("f32")});
  return more;
}
FieldMap bf16() { return {{"dtype", string("bf16")}}; }
FieldMap s8_in_pages() {
  return f32({{"kv_dtype", string("s8")},
              {"batch", std::int64_t{2}},
              {"lengths", string("spread")},
              {"page", std::int64_t{16}}});
}

// o by the definition: keys and values of every head from its weights, in float64; rounded before
// they are used where `made` is another type.
class Defined {
 public:
  Defined(const Attention& workload, const Inputs& inputs, DType made = DType::f64)
      : a_(workload), in_(inputs), made_(made) {
    for (const NamedDesc& output : list()) {
      Outputs::One one{output.name, output.desc, {}};
      one.bytes.resize(output.desc.span_bytes());
      outputs.list.push_back(std::move(one));
    }
    for (std::int64_t row = 0; row < a_.q_len * a_.q_heads; ++row) answer(row);
  }
  Outputs outputs;

 private:
  std::vector<NamedDesc> list() const {
    return {{"o", dense(a_.dtype, {1, a_.q_len, a_.q_heads, a_.v_head_dim})}};
  }
  double at(const char* operand, std::int64_t index) const {
    return load(in_.desc(operand).dtype, in_.data(operand, 0), index);
  }
  double latent(std::int64_t token, std::int64_t i) const {
    return at("latent", token * (a_.kv_lora_rank + a_.rope_head_dim) + i);
  }
  double product(const char* weights, std::int64_t line, std::int64_t token) const {
    double sum = 0;
    for (std::int64_t r = 0; r < a_.kv_lora_rank; ++r)
      sum += at(weights, line * a_.kv_lora_rank + r) * latent(token, r);
    store(made_, &sum, 0, sum);
    return load(made_, &sum, 0);
  }
  void answer(std::int64_t row) {
    const std::int64_t head = row % a_.q_heads, nope = a_.head_dim - a_.rope_head_dim;
    const std::int64_t position = a_.kv_len - a_.q_len + row / a_.q_heads;
    std::vector<double> weights, o(static_cast<std::size_t>(a_.v_head_dim));
    double total = 0;
    for (std::int64_t token = 0; token <= position; ++token) {
      double logit = 0;
      for (std::int64_t d = 0; d < a_.head_dim; ++d)
        logit +=
            at("q", row * a_.head_dim + d) * (d < nope ? product("w_uk", head * nope + d, token)
                                                       : latent(token, a_.kv_lora_rank + d - nope));
      weights.push_back(std::exp(logit * a_.scale));
      total += weights.back();
    }
    for (std::int64_t d = 0; d < a_.v_head_dim; ++d) {
      double sum = 0;
      for (std::int64_t token = 0; token <= position; ++token)
        sum += weights[static_cast<std::size_t>(token)] / total *
               product("w_uv", head * a_.v_head_dim + d, token);
      outputs.set("o", row * a_.v_head_dim + d, sum);
    }
  }
  const Attention& a_;
  const Inputs& in_;
  DType made_;
};

TEST(MlaFields, AreNamedAsTheyWereGiven) {
  EXPECT_EQ(attention_of(small("decode")).name(),
            "attention/phase=decode,structure=mla,q_heads=3,head_dim=28,v_head_dim=18,q_len=5,"
            "kv_len=40,kv_lora_rank=33,rope_head_dim=8");
}

TEST(MlaFields, AreRefusedByName) {
  EXPECT_EQ(field_refused(small("prefill")), "none");
  EXPECT_EQ(field_refused(small("prefill", {{"kv_heads", std::int64_t{3}}})), "none");
  EXPECT_EQ(field_refused(small("prefill", {{"kv_heads", std::int64_t{1}}})), "kv_heads");
  EXPECT_EQ(field_refused(small("prefill", {{"rope_head_dim", std::int64_t{28}}})),
            "rope_head_dim");
  EXPECT_EQ(field_refused(small("prefill", {{"top_k", std::int64_t{5}}})), "top_k");
  EXPECT_EQ(field_refused(small("prefill", {{"index_heads", std::int64_t{5}}})), "index_heads");
  const std::int64_t many = std::int64_t{1} << 30, wide = 1 << 16;
  EXPECT_EQ(field_refused(small("prefill", {{"kv_len", many}, {"kv_lora_rank", wide}})), "none");
  EXPECT_EQ(field_refused(
                small("prefill", {{"kv_len", many}, {"kv_lora_rank", wide}, {"q_heads", wide}})),
            "kv_len");
  EXPECT_EQ(
      field_refused(small(
          "decode", {{"kv_len", many}, {"kv_lora_rank", wide}, {"batch", std::int64_t{1} << 20}})),
      "kv_len");
}

TEST(MlaFields, AreNoneOfOtherStructures) {
  const auto softmax = [](const char* field) {
    return field_refused(
        attention_fields("softmax", "decode", {{"q_heads", 1}, {"kv_len", 9}, {field, 7}}));
  };
  EXPECT_EQ(softmax("page"), "none");
  EXPECT_EQ(softmax("kv_lora_rank"), "kv_lora_rank");
  EXPECT_EQ(softmax("rope_head_dim"), "rope_head_dim");
}

TEST(MlaWork, IsCountedAsExpandedInPrefill) {
  const Attention a = attention_of(small("prefill", bf16()));
  const double pairs = 36 + 37 + 38 + 39 + 40;
  EXPECT_THAT(a.work().flops, Eq(2 * 3 * 40 * 33 * (20 + 18) + 2 * 3 * pairs * (28 + 18)));
  EXPECT_THAT(*a.full_square_flops(),
              Eq(2 * 3 * 40 * 33 * (20 + 18) + 2 * 3 * (5 * 40) * (28 + 18)));
  EXPECT_THAT(a.work().bytes, Eq(2 * (5 * 3 * (28 + 18) + 40 * 41 + 3 * 33 * (20 + 18))));
}

TEST(MlaWork, IsCountedAsAbsorbedInDecode) {
  const Attention a = attention_of(small("decode", bf16()));
  const double pairs = 36 + 37 + 38 + 39 + 40;
  EXPECT_THAT(a.work().flops, Eq(2 * 3 * 5 * 33 * (20 + 18) + 2 * 3 * pairs * (41 + 33)));
  EXPECT_THAT(*a.full_square_flops(),
              Eq(2 * 3 * 5 * 33 * (20 + 18) + 2 * 3 * (5 * 40) * (41 + 33)));
  EXPECT_THAT(a.work().bytes, Eq(attention_of(small("prefill", bf16())).work().bytes));
  EXPECT_THAT(a.work().tokens, Eq(5));
}

TEST(MlaWork, OfSequencesThatDifferInLengthHasASquareOfEach) {
  // 40 and 20 keys.
  const Attention prefill = attention_of(small("prefill", s8_in_pages()));
  EXPECT_THAT(*prefill.full_square_flops(),
              Eq(2 * 3 * (40 + 20) * (33 * (20 + 18) + 5 * (28 + 18))));
  const Attention decode = attention_of(small("decode", s8_in_pages()));
  EXPECT_THAT(*decode.full_square_flops(),
              Eq(2 * 3 * (2 * 5 * 33 * (20 + 18) + 5 * (40 + 20) * (41 + 33))));
}

TEST(MlaWork, IsThatOfItsStages) {
  for (const char* phase : {"prefill", "decode"}) {
    const Attention a = attention_of(small(phase, s8_in_pages()));
    double flops = 0, bytes = 0;
    std::vector<string> names;
    for (const Stage& stage : mla_stages(a)) {
      names.push_back(stage.name);
      flops += stage.work.flops;
      bytes += stage.work.bytes;
    }
    EXPECT_THAT(a.work().flops, Eq(flops));
    EXPECT_THAT(a.work().bytes, Eq(bytes));
    if (string(phase) == "prefill")
      EXPECT_THAT(names, ElementsAre("expand", "attend"));
    else
      EXPECT_THAT(names, ElementsAre("absorb", "attend", "project"));
  }
}

TEST(MlaWork, CachesOneLatentForAllHeads) {
  EXPECT_THAT(attention_of(small("decode", bf16())).kv_bytes_per_token(), Optional(2 * 41));
  EXPECT_THAT(attention_of(small("decode", s8_in_pages())).kv_bytes_per_token(), Optional(41 + 4));
}

class Ways : public testing::TestWithParam<string> {};

TEST_P(Ways, ExpandedAndAbsorbedAgree) {
  for (const FieldMap& more : {f32(), s8_in_pages(), f32({{"sinks", true}})}) {
    const Attention prefill = attention_of(small("prefill", more));
    const Attention decode = attention_of(small("decode", more));
    SCOPED_TRACE(prefill.name());
    const auto inputs = attention_family().inputs(prefill, 5, 1);
    const Outputs expanded = outputs_of(GetParam(), prefill, *inputs);
    const Outputs absorbed = outputs_of(GetParam(), decode, *inputs);
    for (std::int64_t i = 0; i < expanded.of("o").desc.elements(); ++i)
      EXPECT_NEAR(expanded.get("o", i), absorbed.get("o", i), 2e-6) << i;
    EXPECT_THAT(expanded.checked_by(*attention_family().oracle(decode, *inputs)).mismatch,
                Eq(std::nullopt));
    EXPECT_THAT(absorbed.checked_by(*attention_family().oracle(prefill, *inputs)).mismatch,
                Eq(std::nullopt));
  }
}

INSTANTIATE_TEST_SUITE_P(Mla, Ways, testing::Values("reference", "naive", "native"),
                         [](const auto& way) { return string(way.param); });

class MlaOracle : public testing::TestWithParam<const char*> {
 protected:
  const Attention workload = attention_of(small(GetParam(), f32()));
  const std::unique_ptr<Inputs> inputs = attention_family().inputs(workload, 5, 1);
  const std::unique_ptr<Oracle> oracle = attention_family().oracle(workload, *inputs);
};

TEST_P(MlaOracle, AcceptsTheDefinition) {
  const Accuracy accuracy = Defined(workload, *inputs).outputs.checked_by(*oracle);
  EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt));
  EXPECT_THAT(accuracy.checked_elements, Eq(5 * 3 * 18));
  EXPECT_LT(accuracy.tolerance, 1e-5);
}

TEST_P(MlaOracle, RefusesOtherOperands) {
  for (const char* operand : {"q", "latent", "w_uk", "w_uv"}) {
    SCOPED_TRACE(operand);
    const auto other = attention_family().inputs(workload, 5, 1);
    const double last = load(DType::f32, other->data(operand, 0), 0);
    store(DType::f32, other->data(operand, 0), 0, last + 0.1);
    EXPECT_THAT(Defined(workload, *other).outputs.checked_by(*oracle).mismatch, Ne(std::nullopt));
  }
}

TEST_P(MlaOracle, RefusesOneWrongElement) {
  Outputs outputs = Defined(workload, *inputs).outputs;
  outputs.set("o", 18 * 7 + 4, outputs.get("o", 18 * 7 + 4) + 1e-4);
  EXPECT_THAT(outputs.checked_by(*oracle).mismatch, Optional(HasSubstr("o[0,2,1,4]")));
}

TEST_P(MlaOracle, AllowsKeysAndValuesInBf16) {
  // Logits so large that their rounding shows.
  const Attention narrow =
      attention_of(small(GetParam(), {{"dtype", string("bf16")}, {"scale", 4.0}}));
  const auto drawn = attention_family().inputs(narrow, 5, 1);
  const auto expected = attention_family().oracle(narrow, *drawn);
  EXPECT_THAT(Defined(narrow, *drawn).outputs.checked_by(*expected).mismatch, Eq(std::nullopt));
  Outputs rounded = Defined(narrow, *drawn, DType::bf16).outputs;
  const Accuracy accuracy = rounded.checked_by(*expected);
  EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt));
  EXPECT_GT(accuracy.max_abs, 2 * info(DType::bf16).epsilon);
  rounded.set("o", 0, rounded.get("o", 0) + 1);
  EXPECT_THAT(rounded.checked_by(*expected).mismatch, Ne(std::nullopt));
}

// Of a cache one key shorter every query stands one position earlier.
TEST_P(MlaOracle, FindsTheMissingNewestLatent) {
  for (const char* dtype : {"f32", "bf16"})
    for (const std::int64_t q_len : {1, 3})
      for (const std::int64_t kv_len : {40, 500, 4096}) {
        const Attention right = attention_of(
            small(GetParam(), {{"dtype", string(dtype)}, {"kv_len", kv_len}, {"q_len", q_len}}));
        Attention wrong = right;
        wrong.kv_len -= 1;
        const auto drawn = attention_family().inputs(right, 5, 1);
        const auto expected = attention_family().oracle(right, *drawn);
        EXPECT_THAT(outputs_of("naive", right, *drawn).checked_by(*expected).mismatch,
                    Eq(std::nullopt));
        EXPECT_THAT(outputs_of("naive", wrong, *drawn).checked_by(*expected).mismatch,
                    Ne(std::nullopt))
            << right.name() << " " << dtype;
      }
}

TEST_P(MlaOracle, SaysWhichRowsItLookedAt) {
  const Attention many = attention_of(small(GetParam(), f32({{"q_heads", std::int64_t{40}}})));
  const auto drawn = attention_family().inputs(many, 5, 1);
  const Outputs outputs = Defined(many, *drawn).outputs;
  const Accuracy some =
      outputs.checked_by(*make_mla_oracle(many, *drawn, {.most_flops = 1, .most_plain_flops = 1}));
  EXPECT_THAT(some.mismatch, Eq(std::nullopt));
  EXPECT_THAT(some.reference, HasSubstr("64 of 200 rows"));
  EXPECT_THAT(some.checked_elements, Eq(64 * 18));
}

INSTANTIATE_TEST_SUITE_P(Mla, MlaOracle, testing::Values("prefill", "decode"),
                         [](const auto& way) { return string(way.param); });

}  // namespace
}  // namespace ergon
