// What the attention family says of a workload: fields, who sees what, counted work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/attention/workload.h"

namespace ergon {
namespace {

using std::string;

string refused(const FieldMap& fields) {
  try {
    attention_of(fields);
  } catch (const InvalidField& error) {
    return error.field;
  }
  return "none";
}

FieldValue told(const Attention& workload, std::string_view field) {
  for (const Field& one : workload.fields())
    if (one.name == field) return one.value;
  return string("no such field");
}

TEST(AttentionFields, HaveNamesThatLeaveFallbacksOut) {
  EXPECT_EQ(attention_of(prefill_of(8, 64)).name(), "attention/phase=prefill,q_heads=8,kv_len=64");
  EXPECT_EQ(attention_of(decode_of(8, 64,
                                   {{"kv_heads", whole(2)},
                                    {"q_len", whole(4)},
                                    {"window", whole(16)},
                                    {"sinks", true},
                                    {"soft_cap", 50.0},
                                    {"page", whole(16)},
                                    {"kv_dtype", word("s8")}}))
                .name(),
            "attention/phase=decode,q_heads=8,kv_heads=2,q_len=4,kv_len=64,window=16,sinks=true,"
            "soft_cap=50,page=16,kv_dtype=s8");
}

TEST(AttentionFields, ThatAreGivenAsTheirFallbackNameTheSameCase) {
  EXPECT_EQ(attention_of(prefill_of(8, 64,
                                    {{"kv_heads", whole(8)},
                                     {"head_dim", whole(128)},
                                     {"v_head_dim", whole(128)},
                                     {"q_len", whole(64)},
                                     {"scale", 1 / std::sqrt(128.0)},
                                     {"dtype", word("f32")},
                                     {"kv_dtype", word("f32")}}))
                .name(),
            attention_of(prefill_of(8, 64)).name());
}

TEST(AttentionFields, TellWhatStandsBehindAFallback) {
  const Attention prefill = attention_of(prefill_of(8, 64));
  EXPECT_EQ(told(prefill, "kv_heads"), whole(8));
  EXPECT_EQ(told(prefill, "v_head_dim"), whole(128));
  EXPECT_EQ(told(prefill, "q_len"), whole(64));
  EXPECT_EQ(told(attention_of(decode_of(8, 64)), "q_len"), whole(1));
}

TEST(AttentionFields, MakeTheSameWorkloadAgain) {
  for (const FieldMap& fields :
       {prefill_of(8, 64), decode_of(8, 64, {{"kv_heads", whole(2)}, {"kv_dtype", word("f16")}}),
        prefill_of(4, 9, {{"head_dim", whole(33)}, {"v_head_dim", whole(17)}, {"scale", 3.0}})}) {
    const Attention first = attention_of(fields);
    FieldMap again;
    for (const Field& field : first.fields()) again.emplace(field.name, field.value);
    const Attention second = attention_of(again);
    EXPECT_EQ(second.name(), first.name());
    EXPECT_EQ(second.scale, first.scale);
    EXPECT_EQ(second.dtypes(), first.dtypes());
    EXPECT_EQ(second.work().flops, first.work().flops);
    EXPECT_EQ(second.work().bytes, first.work().bytes);
  }
}

TEST(AttentionFields, AreRefusedByName) {
  EXPECT_EQ(refused(prefill_of(8, 64)), "none");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"kv_heads", whole(3)}})), "kv_heads");
  EXPECT_EQ(refused(prefill_of(4, 64, {{"kv_heads", whole(8)}})), "kv_heads");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"window", whole(8)}, {"causal", false}})), "window");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"window", whole(-1)}})), "window");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"scale", -1.0}})), "scale");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"soft_cap", -1.0}})), "soft_cap");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"kv_dtype", word("f32")}})), "kv_dtype");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"dtype", word("f16")}})), "dtype");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"structure", word("softmacks")}})), "structure");
  EXPECT_EQ(refused(prefill_of(8, 64, {{"lengths", word("random")}})), "lengths");
  EXPECT_EQ(refused(prefill_of(0, 64)), "q_heads");
  EXPECT_EQ(refused(prefill_of(8, 0)), "kv_len");
  EXPECT_EQ(refused({{"phase", word("train")}, {"q_heads", whole(1)}, {"kv_len", whole(1)}}),
            "phase");
  EXPECT_EQ(refused({{"phase", word("decode")}, {"q_heads", whole(1)}}), "kv_len");
  EXPECT_EQ(refused(decode_of(8, 64, {{"heads", whole(1)}})), "heads");
  EXPECT_EQ(refused(decode_of(65536, std::int64_t{1} << 31, {{"head_dim", whole(65536)}})),
            "kv_len");
}

TEST(AttentionTypes, FollowTheCache) {
  const auto types = [](const char* dtype, const char* kv_dtype) {
    return attention_of(decode_of(1, 8, {{"dtype", word(dtype)}, {"kv_dtype", word(kv_dtype)}}))
        .dtypes();
  };
  EXPECT_EQ(types("bf16", "same"), (TypeNames{"bf16", "bf16", "f32", "bf16", "bf16"}));
  EXPECT_EQ(types("bf16", "s8"), (TypeNames{"bf16", "s8", "f32", "bf16", "bf16"}));
  EXPECT_EQ(types("bf16", "f16"), (TypeNames{"bf16", "f16", "f32", "bf16", "f32"}));
  EXPECT_EQ(types("f32", "same"), (TypeNames{"f32", "f32", "f32", "f32", "f32"}));
  EXPECT_EQ(types("f32", "bf16"), (TypeNames{"f32", "bf16", "f32", "f32", "f32"}));
  EXPECT_TRUE(attention_of(decode_of(1, 8)).streams_weights());
  EXPECT_FALSE(attention_of(prefill_of(1, 8)).streams_weights());
}

/// The words of attention.h, key by key.
bool sees(const Attention& a, std::int64_t sequence, std::int64_t query, std::int64_t key) {
  const std::int64_t length = a.length(sequence), position = length - a.q_len + query;
  if (key >= length) return false;
  if (!a.causal) return true;
  return key <= position && (a.window == 0 || key > position - a.window);
}

void expect_keys_as_told(const Attention& a) {
  double pairs = 0;
  for (std::int64_t b = 0; b < a.batch; ++b) {
    std::vector<bool> any(static_cast<std::size_t>(a.kv_len), false);
    for (std::int64_t i = 0; i < a.q_len; ++i) {
      const KeyRange keys = a.keys(b, i);
      for (std::int64_t key = 0; key < a.kv_len; ++key) {
        const bool in_range = key >= keys.first && key < keys.end;
        ASSERT_EQ(in_range, sees(a, b, i, key))
            << a.name() << " sequence " << b << " query " << i << " key " << key;
        if (in_range) any[static_cast<std::size_t>(key)] = true;
        pairs += in_range ? 1 : 0;
      }
    }
    const KeyRange all = a.keys(b);
    for (std::int64_t key = 0; key < a.kv_len; ++key)
      ASSERT_EQ(key >= all.first && key < all.end, any[static_cast<std::size_t>(key)])
          << a.name() << " sequence " << b << " key " << key;
  }
  ASSERT_EQ(a.pairs(), pairs) << a.name();
}

TEST(AttentionKeys, AreThoseOfItsDefinition) {
  int workloads = 0;
  for (const std::int64_t kv_len : {1, 2, 7, 12})
    for (const std::int64_t q_len : {1, 2, 5, 12, 15})
      for (const std::int64_t window : {0, 1, 3, 12, 40})
        for (const std::int64_t batch : {1, 2, 4})
          for (const bool causal : {true, false})
            for (const char* lengths : {"equal", "spread"}) {
              if (!causal && window > 0) continue;
              expect_keys_as_told(attention_of(decode_of(1, kv_len,
                                                         {{"q_len", q_len},
                                                          {"window", window},
                                                          {"batch", batch},
                                                          {"causal", causal},
                                                          {"lengths", word(lengths)}})));
              ++workloads;
            }
  EXPECT_EQ(workloads, 4 * 5 * 3 * 2 * (5 + 1));
}

TEST(AttentionKeys, OfSpreadSequencesGoDownToHalf) {
  const Attention a =
      attention_of(decode_of(1, 100, {{"batch", whole(5)}, {"lengths", word("spread")}}));
  std::vector<std::int64_t> lengths;
  for (std::int64_t b = 0; b < a.batch; ++b) lengths.push_back(a.length(b));
  EXPECT_THAT(lengths, testing::ElementsAre(100, 88, 75, 63, 50));
}

// 2 heads of queries over 1 of keys; keys of 4 elements, values of 2.
FieldMap narrow(FieldMap more = {}) {
  more.insert({{"kv_heads", whole(1)},
               {"head_dim", whole(4)},
               {"v_head_dim", whole(2)},
               {"dtype", word("f32")}});
  return more;
}

TEST(AttentionWork, OfACausalPromptCountsTheTriangle) {
  const Attention a = attention_of(prefill_of(2, 3, narrow()));
  EXPECT_EQ(a.work().flops, (1 + 2 + 3) * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.full_square_flops(), 3 * 3 * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.work().bytes, 4 * (3 * 2 * 4 + 3 * 4 + 3 * 2 + 3 * 2 * 2));  // q, k, v, o
  EXPECT_EQ(a.work().tokens, 3);
  EXPECT_EQ(a.kv_bytes_per_token(), 4 * (4 + 2));
}

TEST(AttentionWork, WithoutAMaskIsTheFullSquare) {
  const Attention a = attention_of(prefill_of(2, 3, narrow({{"causal", false}})));
  EXPECT_EQ(a.work().flops, 3 * 3 * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.full_square_flops(), a.work().flops);
}

TEST(AttentionWork, OfAWindowMovesTheKeysThatSomeQuerySees) {
  // Positions 8 and 9 see keys 5 to 8 and 6 to 9: five keys.
  const Attention a =
      attention_of(decode_of(2, 10, narrow({{"q_len", whole(2)}, {"window", whole(4)}})));
  EXPECT_EQ(a.work().flops, (4 + 4) * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.work().bytes, 4 * (2 * 2 * (4 + 2) + 5 * (4 + 2)));
  EXPECT_EQ(a.full_square_flops(), 2 * 10 * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.work().tokens, 2);
}

TEST(AttentionWork, OfMoreQueriesThanKeysLeavesOutThoseBeforeTheFirst) {
  const Attention a = attention_of(decode_of(2, 2, narrow({{"q_len", whole(4)}})));
  EXPECT_EQ(a.work().flops, (0 + 0 + 1 + 2) * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.work().bytes, 4 * (4 * 2 * (4 + 2) + 2 * (4 + 2)));
}

TEST(AttentionWork, OfABatchIsThatOfItsSequences) {
  // 10 and 5 keys, in pages of 4: 3 entries of the table for each sequence.
  const Attention a = attention_of(decode_of(2, 10,
                                             narrow({{"batch", whole(2)},
                                                     {"lengths", word("spread")},
                                                     {"page", whole(4)},
                                                     {"sinks", true}})));
  EXPECT_EQ(a.work().flops, (10 + 5) * 2 * 2 * (4 + 2));
  EXPECT_EQ(a.full_square_flops(), a.work().flops) << "one query sees all keys of its sequence";
  EXPECT_EQ(a.work().bytes, 4 * (2 * 2 * (4 + 2) + 15 * (4 + 2)) + 4 * 2 + 4 * 2 * 3);
  EXPECT_EQ(a.work().tokens, 2);
}

TEST(AttentionWork, OfSequencesThatDifferInLengthHasASquareOfEach) {
  // 10, 8 and 5 keys; three queries each.
  const FieldMap spread = {
      {"batch", whole(3)}, {"lengths", word("spread")}, {"q_len", whole(3)}, {"window", whole(2)}};
  EXPECT_EQ(attention_of(prefill_of(2, 10, narrow(spread))).full_square_flops(),
            3 * (10 + 8 + 5) * 2 * 2 * (4 + 2));
}

TEST(AttentionWork, OfAQuantizedCacheCountsItsScales) {
  const Attention a = attention_of(decode_of(
      8, 100, {{"kv_heads", whole(2)}, {"head_dim", whole(64)}, {"kv_dtype", word("s8")}}));
  EXPECT_EQ(a.kv_bytes_per_token(), 2 * (64 + 4 + 64 + 4));
  EXPECT_EQ(a.work().bytes, 2 * 8 * (64 + 64) + 100 * 2 * (64 + 4 + 64 + 4));
}

}  // namespace
}  // namespace ergon
