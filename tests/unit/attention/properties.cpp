// What holds of any attention, whoever computes it: changed inputs whose outputs are known from
// those of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <set>

#include "tests/unit/attention/native_isas.h"
#include "tests/unit/attention/outputs_of.h"
#include "tests/unit/attention/rows_in.h"

namespace ergon {
namespace {

using std::string;
using Integers = std::vector<std::pair<const char*, std::int64_t>>;

struct Case {
  const char* backend;
  Types types;
};
string label(const Case& c) { return string(c.backend) + "_" + label(c.types); }
void PrintTo(const Case& c, std::ostream* out) { *out << label(c); }

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const char* backend : {"native", "naive"})
    for (const Types& types :
         {Types{"f32", "same"}, Types{"bf16", "same"}, Types{"bf16", "s8"}, Types{"bf16", "f16"}})
      list.push_back({backend, types});
  return list;
}

/// Inputs of a workload that may be changed.
struct Given {
  explicit Given(const Attention& a, std::uint64_t seed = 3)
      : workload(a), inputs(attention_family().inputs(workload, seed, 1)) {}
  RowsIn rows(const string& operand) { return {workload, *inputs, operand}; }
  /// Elements of queries as a list over [batch, q_len, q_heads].
  double q(std::int64_t row, std::int64_t element) const {
    return load(workload.dtype, inputs->data("q", 0), row * workload.head_dim + element);
  }
  void set_q(std::int64_t row, std::int64_t element, double value) {
    store(workload.dtype, inputs->data("q", 0), row * workload.head_dim + element, value);
  }
  /// All of another's queries from `first` on; of rows as wide at least.
  void take_queries(const Given& other, std::int64_t first = 0) {
    const std::int64_t rows = workload.batch * workload.q_len * workload.q_heads;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < other.workload.head_dim; ++i) set_q(r, i, other.q(first + r, i));
  }
  float* sinks() { return reinterpret_cast<float*>(inputs->data("sink", 0)); }
  Attention workload;
  std::unique_ptr<Inputs> inputs;
};

class AttentionProperties : public testing::TestWithParam<Case> {
 protected:
  static bool quantized() { return string(GetParam().types.kv_dtype) == "s8"; }
  static Attention workload(const char* phase, const Integers& integers, FieldMap more = {}) {
    more.merge(attention_fields("softmax", phase, integers));
    more.insert({{"head_dim", std::int64_t{40}}, {"v_head_dim", std::int64_t{24}}});
    return attention_of(with(more, GetParam().types));
  }
  static Attention latent(const char* phase, const Integers& integers, FieldMap more = {}) {
    more.merge(attention_fields("mla", phase, integers));
    more.insert({{"head_dim", std::int64_t{28}},
                 {"v_head_dim", std::int64_t{18}},
                 {"kv_lora_rank", std::int64_t{33}},
                 {"rope_head_dim", std::int64_t{8}}});
    return attention_of(with(more, GetParam().types));
  }
  static Attention sparse(const Integers& integers, FieldMap more = {}) {
    more.merge(attention_fields("sparse", "decode", integers));
    more.insert({{"kv_lora_rank", std::int64_t{33}},
                 {"rope_head_dim", std::int64_t{8}},
                 {"index_heads", std::int64_t{9}},
                 {"index_head_dim", std::int64_t{20}},
                 {"top_k", std::int64_t{40}}});
    return attention_of(with(more, GetParam().types));
  }
  static std::vector<double> values(const Outputs& all, const string& output) {
    std::vector<double> list;
    for (std::int64_t i = 0; i < all.of(output).desc.elements(); ++i)
      list.push_back(all.get(output, i));
    return list;
  }
  static std::vector<double> call(const Given& given) {
    return values(outputs_of(GetParam().backend, given.workload, *given.inputs), "o");
  }
  /// Of a sparse attention: what was chosen for each query, and o.
  struct Chosen {
    std::vector<std::set<std::int64_t>> keys;
    std::vector<double> o;
    bool operator==(const Chosen& other) const = default;
  };
  static Chosen chosen(const Given& given) {
    const Attention& a = given.workload;
    const Outputs all = outputs_of(GetParam().backend, a, *given.inputs);
    Chosen both{{}, values(all, "o")};
    for (std::int64_t query = 0; query < a.batch * a.q_len; ++query) {
      both.keys.emplace_back();
      for (std::int64_t i = 0; i < a.top_k; ++i)
        both.keys.back().insert(
            static_cast<std::int64_t>(all.get("selected", query * a.top_k + i)));
    }
    return both;
  }
  /// Within `units` of the last place of the largest.
  static void expect_alike(const std::vector<double>& got, const std::vector<double>& expected,
                           double units = 8) {
    ASSERT_EQ(got.size(), expected.size());
    double largest = 0;
    for (const double each : expected) largest = std::max(largest, std::fabs(each));
    const double allowed = units * info(*dtype_from_name(GetParam().types.dtype)).epsilon * largest;
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], allowed) << "element " << i << ", of up to " << largest;
  }
};

TEST_P(AttentionProperties, TheOrderOfKeysDoesNotMatter) {
  for (const char* phase : {"prefill", "decode"}) {
    const Attention a = workload(
        phase, {{"q_heads", 4}, {"kv_heads", 2}, {"q_len", 3}, {"kv_len", 600}, {"batch", 2}},
        {{"causal", false}, {"sinks", true}});
    Given drawn(a), mixed(a);
    std::vector<std::int64_t> order(600);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(5));
    for (const char* operand : {"k", "v"}) {
      RowsIn from = drawn.rows(operand), to = mixed.rows(operand);
      for (std::int64_t b = 0; b < 2; ++b)
        for (std::int64_t h = 0; h < 2; ++h)
          for (std::int64_t t = 0; t < 600; ++t)
            to.copy({b, t, h}, from, {b, order[static_cast<std::size_t>(t)], h});
    }
    expect_alike(call(mixed), call(drawn));
  }
}

TEST_P(AttentionProperties, TheOrderOfKeysToChooseFromDoesNotMatter) {
  const Attention a =
      sparse({{"q_heads", 4}, {"q_len", 2}, {"kv_len", 600}, {"batch", 2}}, {{"causal", false}});
  Given drawn(a), mixed(a);
  std::vector<std::int64_t> order(600);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(5));
  for (const char* operand : {"latent", "index_k"}) {
    RowsIn from = drawn.rows(operand), to = mixed.rows(operand);
    for (std::int64_t b = 0; b < 2; ++b)
      for (std::int64_t t = 0; t < 600; ++t)
        to.copy({b, t, 0}, from, {b, order[static_cast<std::size_t>(t)], 0});
  }
  const Chosen expected = chosen(drawn), got = chosen(mixed);
  for (std::size_t query = 0; query < expected.keys.size(); ++query) {
    std::set<std::int64_t> before;
    for (const std::int64_t key : got.keys[query])
      before.insert(order.at(static_cast<std::size_t>(key)));
    EXPECT_EQ(before, expected.keys[query]) << "query " << query;
  }
  expect_alike(got.o, expected.o);
}

TEST_P(AttentionProperties, QueriesChooseEachForItself) {
  constexpr std::int64_t heads = 3, queries = 3, keys = 300;
  Given together(sparse({{"q_heads", heads}, {"q_len", queries}, {"kv_len", keys}}));
  const Chosen all = chosen(together);
  for (std::int64_t i = 0; i < queries; ++i) {
    Given alone(sparse({{"q_heads", heads}, {"kv_len", keys - queries + 1 + i}}));
    alone.take_queries(together, i * heads);
    for (const char* operand : {"latent", "index_k"}) {
      RowsIn from = together.rows(operand), to = alone.rows(operand);
      for (std::int64_t t = 0; t < alone.workload.kv_len; ++t) to.copy({0, t, 0}, from, {0, t, 0});
    }
    for (const char* operand : {"index_q", "index_weight"}) {
      const std::size_t bytes = alone.inputs->desc(operand).span_bytes();
      std::memcpy(alone.inputs->data(operand, 0),
                  together.inputs->data(operand, 0) + static_cast<std::size_t>(i) * bytes, bytes);
    }
    const Chosen one = chosen(alone);
    EXPECT_EQ(one.keys[0], all.keys[static_cast<std::size_t>(i)]) << "query " << i;
    const auto first = all.o.begin() + i * static_cast<std::int64_t>(one.o.size());
    expect_alike(one.o, {first, first + static_cast<std::int64_t>(one.o.size())});
  }
}

// By one more element of queries and keys, whose product is the same for all.
TEST_P(AttentionProperties, AConstantAddedToAllLogitsDoesNotMatter) {
  if (quantized()) return;
  constexpr double scale = 0.25;
  for (const char* phase : {"prefill", "decode"})
    for (const double constant : {16.0, -16.0}) {
      const Integers sizes = {{"q_heads", 3}, {"kv_heads", 3}, {"q_len", 5}, {"kv_len", 300}};
      const FieldMap fields = {{"scale", scale}, {"sinks", true}};
      FieldMap wider = fields;
      wider.insert({"head_dim", std::int64_t{41}});
      Given plain(workload(phase, sizes, fields)), moved(workload(phase, sizes, wider));
      moved.take_queries(plain);
      for (std::int64_t r = 0; r < 15; ++r) moved.set_q(r, 40, 1);
      RowsIn k = plain.rows("k"), k_moved = moved.rows("k");
      for (std::int64_t t = 0; t < 300; ++t)
        for (std::int64_t h = 0; h < 3; ++h) {
          k_moved.copy({0, t, h}, k, {0, t, h});
          k_moved.set({0, t, h}, 40, constant / scale);
        }
      for (std::int64_t h = 0; h < 3; ++h)
        moved.sinks()[h] = plain.sinks()[h] + static_cast<float>(constant);
      expect_alike(call(moved), call(plain), 16);
    }
}

// With a column of ones in V and a sink of e^s, that column of o is l / (l + e^s), where l is the
// sum of the weights: enough to merge two halves.
TEST_P(AttentionProperties, TwoHalvesOfTheKeysMergeToTheWhole) {
  if (quantized()) return;
  constexpr std::int64_t heads = 2, queries = 3, keys = 500, first = 190, dv = 24;
  const auto sizes = [&](std::int64_t kv_len) -> Integers {
    return {{"q_heads", heads}, {"q_len", queries}, {"kv_len", kv_len}};
  };
  for (const char* phase : {"prefill", "decode"}) {
    Given all(workload(phase, sizes(keys), {{"causal", false}}));
    for (std::int64_t t = 0; t < keys; ++t)
      for (std::int64_t h = 0; h < heads; ++h) all.rows("v").set({0, t, h}, 0, 1);
    std::vector<double> sums(heads * queries), merged(heads * queries * dv);
    for (const std::int64_t from : {std::int64_t{0}, first}) {
      const std::int64_t count = from == 0 ? first : keys - first;
      Given half(workload(phase, sizes(count), {{"causal", false}, {"sinks", true}}));
      half.take_queries(all);
      for (const char* operand : {"k", "v"}) {
        RowsIn rows = all.rows(operand), part = half.rows(operand);
        for (std::int64_t t = 0; t < count; ++t)
          for (std::int64_t h = 0; h < heads; ++h) part.copy({0, t, h}, rows, {0, from + t, h});
      }
      const auto sink = static_cast<float>(std::log(static_cast<double>(count)));
      std::fill_n(half.sinks(), heads, sink);
      const std::vector<double> o = call(half);
      for (std::size_t r = 0; r < sums.size(); ++r) {
        const double ones = o[r * dv], sum = std::exp(double{sink}) * ones / (1 - ones);
        sums[r] += sum;
        for (std::size_t c = 0; c < dv; ++c) merged[r * dv + c] += sum * o[r * dv + c] / ones;
      }
    }
    for (std::size_t i = 0; i < merged.size(); ++i) merged[i] /= sums[i / dv];
    expect_alike(call(all), merged, 16);
  }
}

TEST_P(AttentionProperties, GroupsOfHeadsAreAsTheirKeysRepeated) {
  for (const char* phase : {"prefill", "decode"}) {
    const auto sizes = [&](std::int64_t kv_heads) -> Integers {
      return {{"q_heads", 6}, {"kv_heads", kv_heads}, {"q_len", 20}, {"kv_len", 150}, {"batch", 2}};
    };
    Given grouped(workload(phase, sizes(2))), repeated(workload(phase, sizes(6)));
    repeated.take_queries(grouped);
    for (const char* operand : {"k", "v"}) {
      RowsIn from = grouped.rows(operand), to = repeated.rows(operand);
      for (std::int64_t b = 0; b < 2; ++b)
        for (std::int64_t t = 0; t < 150; ++t)
          for (std::int64_t h = 0; h < 6; ++h) to.copy({b, t, h}, from, {b, t, h / 3});
    }
    expect_alike(call(repeated), call(grouped));
  }
}

TEST_P(AttentionProperties, PagesAreAsOnePiece) {
  const FieldMap spread = {{"lengths", string("spread")}};
  for (const char* phase : {"prefill", "decode"})
    for (const std::int64_t page : {1, 7, 64}) {
      const auto sizes = [&](std::int64_t of_page) -> Integers {
        return {{"q_heads", 4}, {"q_len", 6}, {"kv_len", 300}, {"batch", 3}, {"page", of_page}};
      };
      EXPECT_EQ(call(Given(workload(phase, sizes(page), spread))),
                call(Given(workload(phase, sizes(0), spread))));
      EXPECT_EQ(call(Given(latent(phase, sizes(page), spread))),
                call(Given(latent(phase, sizes(0), spread))));
      EXPECT_EQ(chosen(Given(sparse(sizes(page), spread))),
                chosen(Given(sparse(sizes(0), spread))));
    }
}

TEST_P(AttentionProperties, AWindowAsLongAsTheKeysIsNone) {
  for (const char* phase : {"prefill", "decode"})
    for (const std::int64_t window : {200, 201, 100000}) {
      const auto sizes = [&](std::int64_t of_window) -> Integers {
        return {{"q_heads", 4}, {"q_len", 5}, {"kv_len", 200}, {"window", of_window}};
      };
      EXPECT_EQ(call(Given(workload(phase, sizes(window)))),
                call(Given(workload(phase, sizes(0)))));
      EXPECT_EQ(call(Given(latent(phase, sizes(window)))), call(Given(latent(phase, sizes(0)))));
    }
}

TEST_P(AttentionProperties, DecodingFourTokensGivesTheLastRowsOfAPrefill) {
  for (const std::int64_t window : {0, 50}) {
    Given prefill(workload("prefill",
                           {{"q_heads", 4}, {"kv_heads", 2}, {"kv_len", 300}, {"window", window}}));
    Given decode(workload(
        "decode",
        {{"q_heads", 4}, {"kv_heads", 2}, {"q_len", 4}, {"kv_len", 300}, {"window", window}}));
    decode.take_queries(prefill, 296 * 4);
    for (const char* operand : {"k", "v"}) {
      RowsIn to = decode.rows(operand), from = prefill.rows(operand);
      for (std::int64_t t = 0; t < 300; ++t)
        for (std::int64_t h = 0; h < 2; ++h) to.copy({0, t, h}, from, {0, t, h});
    }
    const std::vector<double> all = call(prefill), last(all.end() - 4 * 4 * 24, all.end());
    expect_alike(call(decode), last);
  }
}

/// Rows that hold no token of any sequence become these bytes.
void spoil(Given& given, const string& operand, int byte) {
  RowsIn rows = given.rows(operand);
  std::set<std::int64_t> named;
  const Attention& a = given.workload;
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t t = 0; t < a.length(b); ++t)
      for (std::int64_t h = 0; h < rows.heads(); ++h) named.insert(rows.index({b, t, h}));
  ASSERT_LT(static_cast<std::int64_t>(named.size()), rows.count());
  for (std::int64_t i = 0; i < rows.count(); ++i)
    if (named.count(i) == 0) rows.spoil(i, byte);
}

TEST_P(AttentionProperties, MemoryOfNoKeyDoesNotMatter) {
  const FieldMap spread = {{"lengths", string("spread")}};
  // Zeros, numbers up to 3.4e38 (f16: NaN), NaN of the other sign.
  for (const int byte : {0x00, 0x7f, 0xff})
    for (const char* phase : {"prefill", "decode"})
      for (const std::int64_t page : {0, 7, 64}) {
        const Integers sizes = {
            {"q_heads", 4}, {"q_len", 5}, {"kv_len", 301}, {"batch", 2}, {"page", page}};
        Given plain(workload(phase, sizes, spread)), spoiled(workload(phase, sizes, spread));
        for (const char* operand : {"k", "v"}) spoil(spoiled, operand, byte);
        const std::vector<double> o = call(plain);
        EXPECT_TRUE(std::none_of(o.begin(), o.end(), [](double x) { return std::isnan(x); }));
        EXPECT_EQ(call(spoiled), o) << phase << " page " << page;
        Given latents(latent(phase, sizes, spread)), changed(latent(phase, sizes, spread));
        spoil(changed, "latent", byte);
        EXPECT_EQ(call(changed), call(latents)) << phase << " page " << page << ", latents";
        Given choices(sparse(sizes, spread)), others(sparse(sizes, spread));
        for (const char* operand : {"latent", "index_k"}) spoil(others, operand, byte);
        EXPECT_EQ(chosen(others), chosen(choices)) << " page " << page << ", chosen";
      }
}

// One key's logit is +-1e4 and those of all others are as far on the other side, or alike.
TEST_P(AttentionProperties, LogitsOfTenThousandPickOrAverage) {
  if (quantized()) return;
  constexpr std::int64_t keys = 300, chosen = 170;
  constexpr double large = 9984;  // in bf16 and f16
  for (const char* phase : {"prefill", "decode"})
    for (const double one : {large, -large})
      for (const double others : {large, -large}) {
        Given given(workload(phase, {{"q_heads", 1}, {"q_len", 2}, {"kv_len", keys}},
                             {{"causal", false}, {"scale", 1.0}}));
        RowsIn k = given.rows("k"), v = given.rows("v");
        for (std::int64_t i = 0; i < 40; ++i) {
          for (std::int64_t r = 0; r < 2; ++r) given.set_q(r, i, i == 0 ? 1 : 0);
          for (std::int64_t t = 0; t < keys; ++t)
            k.set({0, t, 0}, i, i > 0 ? 0 : t == chosen ? one : others);
        }
        std::vector<double> expected(48);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const auto column = static_cast<std::int64_t>(i % 24);
          double sum = 0, count = 0;
          for (std::int64_t t = 0; t < keys; ++t) {
            const bool counts = one == others || (one > others) == (t == chosen);
            sum += counts ? load(v.dtype(), v.row({0, t, 0}), column) : 0;
            count += counts ? 1 : 0;
          }
          expected[i] = sum / count;
        }
        expect_alike(call(given), expected);
      }
}

INSTANTIATE_TEST_SUITE_P(Of, AttentionProperties, testing::ValuesIn(cases()),
                         [](const auto& param) { return label(param.param); });

}  // namespace
}  // namespace ergon
