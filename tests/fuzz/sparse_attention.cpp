// Our own attention over chosen keys, of any shape and types, with every instruction set that this
// processor has, against the same in float64.
//
// A selection is right where f32 may have made it: what was chosen scores no less than what was
// left out, but for what sums in f32 may be off. o is held against attention over the keys that
// were chosen, whichever those are.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/devices/memory.h"
#include "tests/fuzz/attention_draw.h"
#include "tests/fuzz/attention_row.h"

namespace ergon {
Implementations make_attention_native(const RegistryOptions& options);

namespace {

using namespace fuzz;

const std::vector<Native>& natives() {
  static const std::vector<Native> list = natives_of(make_attention_native);
  return list;
}

std::unique_ptr<Workload> drawn_workload(Choices& choices) {
  // Around the ends of blocks now and then.
  const Integer kv_len = choices.below(4) > 0
                             ? 1 + choices.below(150)
                             : choices.of(std::vector<Integer>{256, 512}) + choices.below(9) - 4;
  const Integer top_k = choices.below(2) == 0
                            ? 1 + choices.below(20)
                            : std::max<Integer>(1, kv_len + 4 - choices.below(150));
  return attention_family().make(
      {{"structure", std::string("sparse")},
       {"phase", std::string("decode")},
       {"q_heads", Integer{1 + choices.below(choices.below(4) == 0 ? 140 : 20)}},
       {"q_len", Integer{1 + choices.below(3)}},
       {"kv_len", kv_len},
       {"kv_lora_rank", Integer{1 + choices.below(70)}},
       {"rope_head_dim", Integer{1 + choices.below(30)}},
       {"index_heads", Integer{1 + choices.below(choices.below(4) == 0 ? 140 : 20)}},
       {"index_head_dim", Integer{1 + choices.below(70)}},
       {"top_k", top_k},
       {"batch", Integer{1 + choices.below(3)}},
       {"lengths", std::string(choices.below(2) == 0 ? "equal" : "spread")},
       {"causal", choices.below(4) > 0},
       {"scale", std::ldexp(1 + choices.below(100), -8)},
       {"page", choices.below(2) == 0 ? Integer{1 + choices.below(70)} : 0},
       {"dtype", std::string(choices.below(2) == 0 ? "f32" : "bf16")},
       {"kv_dtype", choices.of(std::vector<std::string>{"same", "f16", "s8", "bf16"})}});
}

void draw(Choices& choices, const Attention& a, Inputs& inputs) {
  if (a.paged()) draw_table(choices, a, inputs);
  draw_queries(choices, a, inputs);
  draw_tokens(choices, a, inputs, "latent", 1, a.latent_dim());
  draw_tokens(choices, a, inputs, "index_k", 1, a.index_head_dim);
  const Integer width = a.index_head_dim * static_cast<Integer>(size_of(a.dtype));
  for (Integer r = 0; r < a.batch * a.q_len * a.index_heads; ++r) {
    draw_row(choices, a.dtype, inputs.data("index_q", 0) + r * width, a.index_head_dim);
    store(DType::f32, inputs.data("index_weight", 0), r, double{choices.float_of(0)});
  }
}

struct Score {
  double value = 0, off = 0;
};

/// Of a query, what it is held against.
struct Query {
  KeyRange seen;
  std::vector<Score> scores;  // of the keys that it sees
};

Query query_of(const Attention& a, const Inputs& inputs, Integer query) {
  const Integer b = query / a.q_len;
  const KvRows keys(a, inputs, 0, "index_k", 1, a.index_head_dim);
  Query out{a.keys(b, query % a.q_len), {}};
  Row q(static_cast<std::size_t>(a.index_heads * a.index_head_dim));
  const auto width = static_cast<Integer>(q.size());
  widen(a.dtype, inputs.data("index_q", 0), query * width, 1, width, q.data());
  const float* weight = inputs.as<float>("index_weight", 0) + query * a.index_heads;
  const double terms = static_cast<double>(a.index_heads + a.index_head_dim + 16) * 0x1p-24;
  for (Integer j = out.seen.first; j < out.seen.end; ++j) {
    const Row k = widened(keys, b, j, 0);
    Score score{0, 0x1p-120};
    for (Integer h = 0; h < a.index_heads; ++h) {
      double sum = 0, size = 0;
      for (std::size_t d = 0; d < k.size(); ++d) {
        const double product = q[static_cast<std::size_t>(h) * k.size() + d] * k[d];
        sum += product;
        size += std::fabs(product);
      }
      score.value += double{weight[h]} * std::max(0.0, sum);
      score.off += std::fabs(double{weight[h]}) * size * terms;
    }
    out.scores.push_back(score);
  }
  return out;
}

struct Expected {
  std::vector<Head> latents;   // of each sequence
  std::vector<Query> queries;  // of all sequences

  Expected(const Attention& a, const Inputs& inputs) {
    const KvRows rows(a, inputs, 0, "latent", 1, a.latent_dim());
    for (Integer b = 0; b < a.batch; ++b) {
      Head& head = latents.emplace_back();
      for (Integer t = 0; t < a.length(b); ++t) {
        head.k.push_back(widened(rows, b, t, 0));
        head.k_size.push_back(sizes(head.k.back()));
      }
      head.v = head.k;
      head.v_size = head.k_size;
    }
    for (Integer i = 0; i < a.batch * a.q_len; ++i) queries.push_back(query_of(a, inputs, i));
  }
};

/// The keys that were chosen for a query.
std::vector<Integer> checked_selection(const Attention& a, const Called& called, Integer query,
                                       const Query& expected) {
  const auto* selected = reinterpret_cast<const std::int32_t*>(called.output(1));
  const auto where = [&](const char* what) {
    return called.where() + "selected[" + std::to_string(query) + "]: " + what;
  };
  const KeyRange seen = expected.seen;
  std::vector<Integer> keys;
  std::vector<bool> taken(static_cast<std::size_t>(seen.size()));
  for (Integer i = 0; i < a.top_k; ++i) {
    const Integer key = selected[query * a.top_k + i];
    if (key == -1) continue;
    expect(key >= seen.first && key < seen.end, [&] { return where("no key that it sees"); });
    const auto at = static_cast<std::size_t>(key - seen.first);
    expect(!taken[at], [&] { return where("a key twice"); });
    taken[at] = true;
    keys.push_back(key);
  }
  expect(static_cast<Integer>(keys.size()) == std::min(a.top_k, seen.size()),
         [&] { return where("not as many keys as there should be"); });
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const Score& score = expected.scores[i];
    if (taken[i])
      least = std::min(least, score.value + score.off);
    else
      most = std::max(most, score.value - score.off);
  }
  expect(least >= most, [&] {
    return where("chosen is a score of at most ") + std::to_string(least) +
           ", left out one of at least " + std::to_string(most);
  });
  return keys;
}

void check(const Attention& a, const Inputs& inputs, const Expected& expected, const Native& native,
           int threads) {
  const Called called(a, inputs, native, threads);
  for (Integer i = 0; i < a.batch * a.q_len; ++i) {
    const std::vector<Integer> keys =
        checked_selection(a, called, i, expected.queries[static_cast<std::size_t>(i)]);
    const Head& head = expected.latents[static_cast<std::size_t>(i / a.q_len)];
    for (Integer row = i * a.q_heads; row < (i + 1) * a.q_heads; ++row) {
      const Attended wanted = attended(a, inputs, row, head, keys);
      for (Integer d = 0; d < a.v_head_dim; ++d)
        called.expect_o(row * a.v_head_dim + d, wanted.o[static_cast<std::size_t>(d)],
                        wanted.tolerance[static_cast<std::size_t>(d)]);
    }
  }
}

}  // namespace
}  // namespace ergon

// Clang's OpenMP does not give its teams' memory back.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp.so"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  // Huge pages would take longer to map than these products to compute.
  set_page_policy(PagePolicy::small);
  Choices choices(data, size);
  const auto workload = drawn_workload(choices);
  const auto& a = dynamic_cast<const Attention&>(*workload);
  const int threads = choices.below(4) == 0 ? 2 + choices.below(6) : 1;
  Inputs inputs(attention_family().operands(a), 1);
  draw(choices, a, inputs);
  const Expected expected(a, inputs);
  for (const Native& native : natives()) check(a, inputs, expected, native, threads);
  return 0;
}
