// Sparse attention: what its fields allow, how its work is counted, which selections its oracle
// takes, and that choosing every key is dense attention.
#include "kernels/attention/sparse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "tests/unit/attention/outputs_of.h"

namespace ergon {
namespace {

using std::string;
using testing::AnyOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Ne;
using testing::Optional;

constexpr std::int64_t heads = 3, keys = 60, rank = 24, rope = 8, width = rank + rope;

FieldMap small(std::int64_t top_k, FieldMap more = {}) {
  FieldMap fields = attention_fields("sparse", "decode",
                                     {{"q_heads", heads},
                                      {"kv_len", keys},
                                      {"kv_lora_rank", rank},
                                      {"rope_head_dim", rope},
                                      {"index_heads", 4},
                                      {"index_head_dim", 16},
                                      {"top_k", top_k}});
  fields.insert({"dtype", string("f32")});
  more.merge(std::move(fields));
  return more;
}

TEST(SparseFields, FollowFromTheLatent) {
  const Attention a = attention_of(small(5));
  EXPECT_EQ(a.head_dim, width);
  EXPECT_EQ(a.v_head_dim, rank);
  EXPECT_EQ(a.kv_heads, 1);
  EXPECT_DOUBLE_EQ(a.scale, 1 / std::sqrt(width));
  EXPECT_EQ(a.name(),
            "attention/phase=decode,structure=sparse,q_heads=3,kv_heads=1,head_dim=32,"
            "v_head_dim=24,kv_len=60,kv_lora_rank=24,rope_head_dim=8,index_heads=4,"
            "index_head_dim=16,top_k=5");
}

TEST(SparseFields, MayBeGivenAsTheyFollow) {
  const Attention a = attention_of(small(5));
  EXPECT_EQ(attention_of(small(5, {{"head_dim", width}, {"v_head_dim", rank}})).name(), a.name());
  EXPECT_EQ(attention_of(small(5, {{"kv_heads", std::int64_t{1}}})).name(), a.name());
  EXPECT_EQ(attention_of(small(5, {{"kv_heads", std::int64_t{0}}})).name(), a.name());
  FieldMap told;
  for (const Field& field : a.fields()) told.emplace(field.name, field.value);
  EXPECT_EQ(attention_of(told).name(), a.name());
}

TEST(SparseFields, AreRefusedByName) {
  EXPECT_EQ(field_refused(small(5)), "none");
  EXPECT_EQ(field_refused(small(5, {{"phase", string("prefill")}})), "phase");
  EXPECT_EQ(field_refused(small(5, {{"head_dim", std::int64_t{192}}})), "head_dim");
  EXPECT_EQ(field_refused(small(5, {{"v_head_dim", std::int64_t{32}}})), "v_head_dim");
  // The fallbacks of other structures too, where somebody wrote them.
  EXPECT_EQ(field_refused(small(5, {{"head_dim", std::int64_t{128}}})), "head_dim");
  EXPECT_EQ(field_refused(small(5, {{"kv_heads", heads}})), "kv_heads");
  EXPECT_EQ(field_refused(small(5, {{"q_heads", std::int64_t{4}}, {"kv_heads", std::int64_t{2}}})),
            "kv_heads");
  EXPECT_EQ(field_refused(small(5, {{"window", std::int64_t{8}}})), "window");
  EXPECT_EQ(field_refused(small(5, {{"sinks", true}})), "sinks");
  EXPECT_EQ(field_refused(small(5, {{"soft_cap", 2.0}})), "soft_cap");
  const std::int64_t wide = 1 << 16;
  EXPECT_EQ(
      field_refused(small(
          5, {{"kv_len", std::int64_t{1} << 30}, {"index_heads", wide}, {"index_head_dim", wide}})),
      "kv_len");
  EXPECT_EQ(field_refused(small(std::int64_t{1} << 30,
                                {{"batch", std::int64_t{1} << 20}, {"q_len", std::int64_t{60}}})),
            "q_len");
}

TEST(SparseWork, IsTheIndexersOverAllKeysAndTheHeadsOverTheChosen) {
  const Attention a = attention_of(small(58, {{"q_len", std::int64_t{4}}}));
  const double seen = 57 + 58 + 59 + 60, chosen = 57 + 58 + 58 + 58;
  EXPECT_THAT(a.work().flops, Eq(2 * seen * 4 * 17 + 2 * chosen * 3 * (width + rank)));
  EXPECT_THAT(*a.full_square_flops(), Eq(2 * 240.0 * 4 * 17 + 2 * 240.0 * 3 * (width + rank)));
  const double queries = 4 * (4.0 * (4 * 16 + 4) + 4.0 * 58 + 4.0 * 3 * (width + rank));
  EXPECT_THAT(a.work().bytes, Eq(queries + 4 * keys * (16 + width)));
  EXPECT_THAT(a.kv_bytes_per_token(), Optional(Eq(4 * (width + 16))));
}

TEST(SparseWork, ReadsNoMoreLatentsThanAreChosen) {
  const double five = attention_of(small(5)).work().bytes;
  const double six = attention_of(small(6)).work().bytes;
  EXPECT_THAT(six - five, Eq(4 * width + 4));  // and an entry of "selected"
  const FieldMap all = {{"causal", false}, {"q_len", std::int64_t{3}}};
  EXPECT_THAT(attention_of(small(5, all)).work().flops,
              Eq(2.0 * (3 * keys) * 4 * 17 + 2 * 15.0 * 3 * (width + rank)));
}

TEST(SparseWork, OfSequencesThatDifferInLengthHasASquareOfEach) {
  // 60 and 30 keys.
  const Attention a = attention_of(small(
      5, {{"batch", std::int64_t{2}}, {"lengths", string("spread")}, {"q_len", std::int64_t{4}}}));
  EXPECT_THAT(*a.full_square_flops(), Eq(4.0 * (60 + 30) * (2 * 4 * 17 + 2 * 3 * (width + rank))));
}

TEST(SparseWork, IsThatOfItsStages) {
  const Attention a = attention_of(small(5, {{"page", std::int64_t{16}}}));
  double flops = 0, bytes = 0;
  std::vector<string> names;
  for (const Stage& stage : sparse_stages(a)) {
    names.push_back(stage.name);
    flops += stage.work.flops;
    bytes += stage.work.bytes;
  }
  EXPECT_THAT(names, ElementsAre("score", "select", "attend"));
  EXPECT_THAT(a.work().flops, Eq(flops));
  EXPECT_THAT(a.work().bytes, Eq(bytes));
}

// A query, what the reference makes of it, and a way to choose otherwise.
class SparseOracle : public testing::Test {
 protected:
  SparseOracle() { renew(); }
  /// After a change of the inputs.
  void renew() {
    oracle = attention_family().oracle(workload, *inputs);
    outputs = outputs_of("reference", workload, *inputs);
  }
  double at(const char* operand, std::int64_t index) const {
    return load(DType::f32, inputs->data(operand, 0), index);
  }
  double score(std::int64_t key) const {
    double sum = 0;
    for (std::int64_t j = 0; j < 4; ++j) {
      double product = 0;
      for (std::int64_t d = 0; d < 16; ++d)
        product += at("index_q", j * 16 + d) * at("index_k", key * 16 + d);
      sum += at("index_weight", j) * std::max(0.0, product);
    }
    return sum;
  }
  /// All keys, the highest scores first.
  std::vector<std::int64_t> ranked() const {
    std::vector<std::int64_t> list(keys);
    std::iota(list.begin(), list.end(), 0);
    std::stable_sort(list.begin(), list.end(),
                     [&](auto one, auto other) { return score(one) > score(other); });
    return list;
  }
  /// "selected", and o over those keys by the definition.
  void choose(const std::vector<std::int64_t>& chosen) {
    for (std::int64_t i = 0; i < workload.top_k; ++i)
      outputs.set("selected", i,
                  i < static_cast<std::int64_t>(chosen.size())
                      ? static_cast<double>(chosen[static_cast<std::size_t>(i)])
                      : -1);
    for (std::int64_t head = 0; head < heads; ++head) {
      std::vector<double> weights;
      for (const std::int64_t key : chosen) {
        double logit = 0;
        for (std::int64_t d = 0; d < width; ++d)
          logit += at("q", head * width + d) * at("latent", key * width + d);
        weights.push_back(std::exp(logit / std::sqrt(width)));
      }
      const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (std::int64_t d = 0; d < rank; ++d) {
        double sum = 0;
        for (std::size_t i = 0; i < chosen.size(); ++i)
          sum += weights[i] / total * at("latent", chosen[i] * width + d);
        outputs.set("o", head * rank + d, sum);
      }
    }
  }
  std::optional<string> mismatch() const { return outputs.checked_by(*oracle).mismatch; }

  Attention workload = attention_of(small(5));
  std::unique_ptr<Inputs> inputs = attention_family().inputs(workload, 5, 1);
  std::unique_ptr<Oracle> oracle;
  Outputs outputs;
};

TEST_F(SparseOracle, AcceptsTheHighestInAnyOrder) {
  EXPECT_THAT(mismatch(), Eq(std::nullopt));
  std::vector<std::int64_t> best = ranked();
  best.resize(5);
  choose(best);
  EXPECT_THAT(mismatch(), Eq(std::nullopt));
  std::reverse(best.begin(), best.end());
  choose(best);
  EXPECT_THAT(mismatch(), Eq(std::nullopt));
}

TEST_F(SparseOracle, RefusesAKeyOfALowerScore) {
  std::vector<std::int64_t> best = ranked();
  const string left_out = std::to_string(best[4]), taken = std::to_string(best[5]);
  best[4] = best[5];
  best.resize(5);
  choose(best);
  EXPECT_THAT(mismatch(), Optional(AnyOf(HasSubstr("key " + left_out + " was left out"),
                                         HasSubstr("key " + taken + " was chosen"))));
}

TEST_F(SparseOracle, TakesEitherOfTwoKeysThatF32DoesNotTellApart) {
  const std::vector<std::int64_t> before = ranked();
  const std::int64_t from = before[4] * 16, to = before[5] * 16;
  std::vector<std::int64_t> best(before.begin(), before.begin() + 5), other = best;
  other[4] = before[5];
  // The one beside it is the other of the two by a factor.
  for (const auto& [factor, alike] : {std::pair{1.0, true}, {1 - 0x1p-23, true}, {0.999, false}}) {
    SCOPED_TRACE(factor);
    for (std::int64_t d = 0; d < 16; ++d)
      store(DType::f32, inputs->data("index_k", 0), to + d, at("index_k", from + d) * factor);
    renew();
    choose(best);
    EXPECT_THAT(mismatch(), Eq(std::nullopt));
    choose(other);
    EXPECT_THAT(mismatch().has_value(), Eq(!alike)) << mismatch().value_or("");
  }
}

TEST_F(SparseOracle, RefusesWhatIsNoSelection) {
  const std::vector<std::int64_t> best = ranked();
  choose({best[0], best[1], best[2], best[3], best[3]});
  EXPECT_THAT(mismatch(), Optional(HasSubstr("a second time")));
  choose({best[0], best[1], best[2], best[3]});
  EXPECT_THAT(mismatch(), Optional(HasSubstr("4 keys, not 5")));
  choose({best[0], best[1], best[2], best[3], best[4]});
  outputs.set("selected", 2, keys);
  EXPECT_THAT(mismatch(), Optional(HasSubstr("selected[0,0,2]: 60 is no key that the query sees")));
  outputs.set("selected", 2, -2);
  EXPECT_THAT(mismatch(), Optional(HasSubstr("-2 is no key")));
}

TEST_F(SparseOracle, RefusesAttentionOverOtherKeysThanItSays) {
  std::vector<std::int64_t> best = ranked();
  best[4] = best[5];
  best.resize(5);
  choose(best);
  const Outputs other = outputs;
  outputs = outputs_of("reference", workload, *inputs);
  for (std::int64_t i = 0; i < heads * rank; ++i) outputs.set("o", i, other.get("o", i));
  EXPECT_THAT(mismatch(), Optional(HasSubstr("o[")));
}

TEST_F(SparseOracle, RefusesAKeyThatOnlyALaterQuerySees) {
  workload = attention_of(small(5, {{"q_len", std::int64_t{2}}}));
  inputs = attention_family().inputs(workload, 5, 1);
  renew();
  EXPECT_THAT(mismatch(), Eq(std::nullopt));
  outputs.set("selected", 0, keys - 1);
  EXPECT_THAT(mismatch(), Optional(HasSubstr("selected[0,0,0]: 59 is no key")));
}

TEST_F(SparseOracle, LooksAtSomeQueriesOfMany) {
  workload = attention_of(small(5, {{"batch", std::int64_t{30}}}));
  inputs = attention_family().inputs(workload, 5, 1);
  renew();
  oracle = make_sparse_oracle(workload, *inputs,
                              {.most_score_flops = 1, .most_flops = 1, .most_plain_flops = 1});
  const Accuracy accuracy = outputs.checked_by(*oracle);
  EXPECT_THAT(accuracy.mismatch, Eq(std::nullopt));
  EXPECT_THAT(accuracy.reference, HasSubstr("2 of 30 queries"));
  EXPECT_THAT(accuracy.checked_elements, Eq(2 * heads * rank));
  // That keys are keys is looked at everywhere.
  outputs.set("selected", 75, keys);
  EXPECT_THAT(mismatch(), Optional(HasSubstr("selected[15,0,0]")));
}

// The newest key is chosen, so that the selection without it is that of one key less from a cache
// one key shorter.
TEST(SparseNewestKey, IsMissedAmongTheChosenAndInTheSum) {
  for (const char* dtype : {"f32", "bf16"})
    for (const auto& [kv_len, top_k] :
         {std::pair<std::int64_t, std::int64_t>{60, 60}, {60, 5}, {2000, 30}, {4096, 2048}}) {
      const Attention right =
          attention_of(small(top_k, {{"dtype", string(dtype)}, {"kv_len", kv_len}}));
      SCOPED_TRACE(right.name() + " " + dtype);
      const auto inputs = attention_family().inputs(right, 5, 1);
      const auto oracle = attention_family().oracle(right, *inputs);
      Outputs outputs = outputs_of("naive", right, *inputs);
      EXPECT_THAT(outputs.checked_by(*oracle).mismatch, Eq(std::nullopt));
      Attention wrong = right;
      wrong.kv_len -= 1;
      EXPECT_THAT(outputs_of("naive", wrong, *inputs).checked_by(*oracle).mismatch,
                  Optional(HasSubstr("selected")));
      wrong.top_k -= 1;
      const Outputs without = outputs_of("naive", wrong, *inputs);
      for (std::int64_t i = 0; i < heads * rank; ++i) outputs.set("o", i, without.get("o", i));
      EXPECT_THAT(outputs.checked_by(*oracle).mismatch, Optional(HasSubstr("o[")));
    }
}

TEST(Sparse, WithEveryKeyChosenIsDenseAttention) {
  for (const std::int64_t top_k : {keys, keys + 4}) {
    const Attention sparse = attention_of(small(top_k));
    const auto from = attention_family().inputs(sparse, 5, 1);
    FieldMap fields = attention_fields("softmax", "decode",
                                       {{"q_heads", heads},
                                        {"kv_heads", 1},
                                        {"kv_len", keys},
                                        {"head_dim", width},
                                        {"v_head_dim", rank}});
    fields.insert({"dtype", string("f32")});
    const Attention dense = attention_of(fields);
    const auto to = attention_family().inputs(dense, 5, 1);
    std::memcpy(to->data("q", 0), from->data("q", 0), heads * width * 4);
    std::memcpy(to->data("k", 0), from->data("latent", 0), keys * width * 4);
    for (std::int64_t key = 0; key < keys; ++key)
      std::memcpy(to->data("v", 0) + key * rank * 4, from->data("latent", 0) + key * width * 4,
                  rank * 4);
    const auto oracle = attention_family().oracle(dense, *to);
    for (const char* backend : {"reference", "naive", "native"}) {
      Outputs outputs = outputs_of(backend, sparse, *from);
      std::set<double> selected;
      for (std::int64_t i = 0; i < top_k; ++i) selected.insert(outputs.get("selected", i));
      selected.erase(-1);
      EXPECT_EQ(selected.size(), std::size_t{keys});
      outputs.list.pop_back();
      EXPECT_THAT(outputs.checked_by(*oracle).mismatch, Eq(std::nullopt)) << backend;
    }
  }
}

}  // namespace
}  // namespace ergon
