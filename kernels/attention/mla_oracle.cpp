#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/attention/mla.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// What a query of a head needs, widened from slot 0.
struct HeadWeights {
  std::vector<double> uk;  // [nope, rank]
  std::vector<double> uv;  // [v_head_dim, rank]

  HeadWeights(const Attention& a, const Inputs& inputs, std::int64_t head)
      : uk(static_cast<std::size_t>(a.nope_head_dim() * a.kv_lora_rank)),
        uv(static_cast<std::size_t>(a.v_head_dim * a.kv_lora_rank)) {
    const auto all = [&](const char* name, std::vector<double>& to) {
      const auto count = static_cast<std::int64_t>(to.size());
      widen(a.dtype, inputs.data(name, 0), head * count, 1, count, to.data());
    };
    all("w_uk", uk);
    all("w_uv", uv);
  }
};

/// The latents of a sequence as the keys and values of one head.
WideHead latent_head(const Attention& a, const Inputs& inputs, std::int64_t sequence) {
  const KeyRange seen = a.keys(sequence);
  WideHead wide{a.latent_dim(), a.kv_lora_rank, seen.first, seen.size(), {}, {}};
  wide.k.resize(static_cast<std::size_t>(wide.keys * a.latent_dim()));
  wide.v.resize(static_cast<std::size_t>(wide.keys * a.kv_lora_rank));
  const KvRows rows(a, inputs, 0, "latent", 1, a.latent_dim());
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<double> row(static_cast<std::size_t>(a.latent_dim()));
    for (std::int64_t j = wide.keys * thread / team; j < wide.keys * (thread + 1) / team; ++j) {
      rows.widened(sequence, seen.first + j, 0, row.data());
      for (std::int64_t d = 0; d < a.latent_dim(); ++d)
        wide.k[static_cast<std::size_t>(d * wide.keys + j)] = row[static_cast<std::size_t>(d)];
      std::copy_n(row.data(), a.kv_lora_rank, wide.v.data() + j * a.kv_lora_rank);
    }
  });
  return wide;
}

/// Where the sum that begins at a place of its own for each `start` takes its i-th term.
std::int64_t turned(std::int64_t i, int start, std::int64_t count) {
  return (i + std::int64_t{start} * 37) % count;
}

/// The same expanded for one head, plainly: f32 sums over the rank, rounded to dtype.
WideHead expanded_head(const Attention& a, const WideHead& latent, const HeadWeights& weights,
                       int start) {
  WideHead wide{a.head_dim, a.v_head_dim, latent.first, latent.keys, {}, {}};
  wide.k.resize(static_cast<std::size_t>(wide.keys * a.head_dim));
  wide.v.resize(static_cast<std::size_t>(wide.keys * a.v_head_dim));
  std::copy_n(latent.k.data() + a.kv_lora_rank * latent.keys, a.rope_head_dim * latent.keys,
              wide.k.data() + a.nope_head_dim() * wide.keys);
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> sums(static_cast<std::size_t>(wide.keys));
    const auto product = [&](const double* row) {
      std::fill(sums.begin(), sums.end(), 0.0F);
      for (std::int64_t i = 0; i < a.kv_lora_rank; ++i) {
        const std::int64_t r = turned(i, start, a.kv_lora_rank);
        const auto factor = static_cast<float>(row[r]);
        const double* c = latent.k.data() + r * latent.keys;
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += factor * static_cast<float>(c[j]);
      }
    };
    for (std::int64_t d = thread; d < a.nope_head_dim(); d += team) {
      product(weights.uk.data() + d * a.kv_lora_rank);
      for (std::int64_t j = 0; j < wide.keys; ++j)
        wide.k[static_cast<std::size_t>(d * wide.keys + j)] =
            rounded_to(a.dtype, double{sums[static_cast<std::size_t>(j)]});
    }
    for (std::int64_t d = thread; d < a.v_head_dim; d += team) {
      product(weights.uv.data() + d * a.kv_lora_rank);
      for (std::int64_t j = 0; j < wide.keys; ++j)
        wide.v[static_cast<std::size_t>(j * a.v_head_dim + d)] =
            rounded_to(a.dtype, double{sums[static_cast<std::size_t>(j)]});
    }
  });
  return wide;
}

/// The query of a row of o, as it is.
SoftmaxQuery query_of(const Attention& a, const Inputs& inputs, std::int64_t row) {
  SoftmaxQuery query;
  query.q.resize(static_cast<std::size_t>(a.head_dim));
  widen(a.dtype, inputs.data("q", 0), row * a.head_dim, 1, a.head_dim, query.q.data());
  query.seen = a.keys(row / a.q_heads / a.q_len, row / a.q_heads % a.q_len);
  query.scale = a.scale;
  query.soft_cap = a.soft_cap;
  if (a.sinks) query.sink = inputs.as<float>("sink", 0) + row % a.q_heads;
  return query;
}

/// Seen from the latents: q_nope W_uk before q_rope, sums in Real.
template <class Real>
SoftmaxQuery absorbed(const Attention& a, const SoftmaxQuery& query, const HeadWeights& weights,
                      int start = 0) {
  std::vector<Real> sums(static_cast<std::size_t>(a.kv_lora_rank));
  for (std::int64_t i = 0; i < a.nope_head_dim(); ++i) {
    const std::int64_t d = turned(i, start, a.nope_head_dim());
    const auto q = static_cast<Real>(query.q[static_cast<std::size_t>(d)]);
    const double* row = weights.uk.data() + d * a.kv_lora_rank;
    for (std::size_t r = 0; r < sums.size(); ++r) sums[r] += q * static_cast<Real>(row[r]);
  }
  SoftmaxQuery other = query;
  other.q.assign(sums.begin(), sums.end());
  other.q.insert(other.q.end(), query.q.begin() + a.nope_head_dim(), query.q.end());
  return other;
}

/// W_uv times a sum of latents, sums in Real.
template <class Real>
std::vector<double> projected(const Attention& a, const std::vector<double>& latent,
                              const HeadWeights& weights, int start = 0) {
  std::vector<double> o;
  o.reserve(static_cast<std::size_t>(a.v_head_dim));
  for (std::int64_t d = 0; d < a.v_head_dim; ++d) {
    const double* row = weights.uv.data() + d * a.kv_lora_rank;
    Real sum = 0;
    for (std::int64_t i = 0; i < a.kv_lora_rank; ++i) {
      const std::int64_t r = turned(i, start, a.kv_lora_rank);
      sum += static_cast<Real>(row[r]) * static_cast<Real>(latent[static_cast<std::size_t>(r)]);
    }
    o.push_back(static_cast<double>(sum));
  }
  return o;
}

std::vector<double> plain_absorbed(const Attention& a, const WideHead& latent,
                                   const SoftmaxQuery& query, const HeadWeights& weights,
                                   int start) {
  SoftmaxQuery other = absorbed<float>(a, query, weights, start);
  for (double& each : other.q) each = rounded_to(a.dtype, each);
  std::vector<double> o = projected<float>(
      a, plain_row(latent, other, a.product_dtype(), a.dtype, start), weights, start);
  for (double& each : o) each = rounded_to(a.dtype, each);
  return o;
}

/// Which rows of o are looked at: of a sequence, by head.
struct Looked {
  std::map<std::int64_t, std::vector<std::size_t>> by_head;
  std::vector<std::int64_t> plain_heads;  // that plain arithmetic is done for, too
};

/// Plain arithmetic costs a whole head's keys and values where it is expanded: whole heads are
/// picked.
void pick_plain_heads(const Attention& a, double flops_of_a_row, double most_flops,
                      std::size_t rows, std::map<std::int64_t, Looked>& sequences) {
  std::size_t heads = 0;
  for (const auto& [sequence, looked] : sequences) heads += looked.by_head.size();
  double cost = flops_of_a_row * static_cast<double>(rows) / static_cast<double>(heads);
  if (a.phase == Phase::prefill)
    cost += 2 * static_cast<double>(a.kv_len) * static_cast<double>(a.kv_lora_rank) *
            static_cast<double>(a.nope_head_dim() + a.v_head_dim);
  const double most = std::clamp(most_flops / cost, 2.0, std::max(2.0, static_cast<double>(heads)));
  const auto step = static_cast<std::size_t>(std::ceil(static_cast<double>(heads) / most));
  std::size_t index = 0;
  for (auto& [sequence, looked] : sequences)
    for (const auto& [head, mine] : looked.by_head)
      if (index++ % step == 0) looked.plain_heads.push_back(head);
}

/// Rows of one sequence.
class Expected {
 public:
  Expected(const Attention& a, const Inputs& inputs, std::int64_t sequence)
      : a_(a), inputs_(inputs), latent_(latent_head(a, inputs, sequence)) {}

  void exact(const Looked& looked, std::vector<ExpectedRow>& rows) const {
    over_rows(looked, [&](std::size_t index, const HeadWeights& weights) {
      const SoftmaxQuery query = query_of(a_, inputs_, rows[index].row);
      rows[index].exact =
          projected<double>(a_, exact_row(latent_, absorbed<double>(a_, query, weights)), weights);
    });
  }
  void plain(const Looked& looked, int sums, std::vector<ExpectedRow>& rows) const {
    Looked picked;
    for (const std::int64_t head : looked.plain_heads)
      picked.by_head.insert(*looked.by_head.find(head));
    if (a_.phase == Phase::decode) {
      over_rows(picked, [&](std::size_t index, const HeadWeights& weights) {
        const SoftmaxQuery query = query_of(a_, inputs_, rows[index].row);
        for (int start = 0; start < sums; ++start)
          rows[index].plain.push_back(plain_absorbed(a_, latent_, query, weights, start));
      });
      return;
    }
    for (const auto& one : picked.by_head) {
      for (int start = 0; start < sums; ++start) {
        const WideHead expanded =
            expanded_head(a_, latent_, HeadWeights(a_, inputs_, one.first), start);
        over_rows({{one}, {}}, [&](std::size_t index, const HeadWeights& /*weights*/) {
          const SoftmaxQuery query = query_of(a_, inputs_, rows[index].row);
          rows[index].plain.push_back(
              plain_row(expanded, query, a_.product_dtype(), a_.dtype, start));
        });
      }
    }
  }

 private:
  /// Threads share the rows; `body` takes an index into all rows and its head's weights.
  template <class Body>
  void over_rows(const Looked& looked, Body body) const {
    std::vector<std::pair<std::int64_t, std::size_t>> list;
    for (const auto& [head, mine] : looked.by_head)
      for (const std::size_t index : mine) list.emplace_back(head, index);
    const auto count = static_cast<std::int64_t>(list.size());
    on_team(usable_processors(), [&](int thread, int team) {
      std::optional<HeadWeights> weights;
      std::int64_t head = -1;
      for (std::int64_t i = thread; i < count; i += team) {
        const auto& one = list[static_cast<std::size_t>(i)];
        if (one.first != head) weights.emplace(a_, inputs_, head = one.first);
        body(one.second, *weights);
      }
    });
  }

  const Attention& a_;
  const Inputs& inputs_;
  WideHead latent_;
};

std::int64_t rows_of(const Attention& a) { return a.batch * a.q_len * a.q_heads; }
double flops_of_a_row(const Attention& a) {
  const double pairs = a.pairs() / (static_cast<double>(a.batch) * static_cast<double>(a.q_len));
  return 2 * pairs * static_cast<double>(a.latent_dim() + a.kv_lora_rank) +
         2 * static_cast<double>(a.nope_head_dim() + a.v_head_dim) *
             static_cast<double>(a.kv_lora_rank);
}
std::int64_t affordable(const Attention& a, const SoftmaxChecks& checks) {
  return std::max<std::int64_t>(
      64, static_cast<std::int64_t>(std::min(checks.most_flops / flops_of_a_row(a), 0x1p40)));
}

}  // namespace

std::unique_ptr<Oracle> make_mla_oracle(const Attention& a, const Inputs& inputs,
                                        const SoftmaxChecks& checks) {
  const std::int64_t count = rows_of(a);
  std::vector<ExpectedRow> rows;
  std::map<std::int64_t, Looked> sequences;
  for (const std::int64_t row : rows_to_check(count, affordable(a, checks))) {
    sequences[row / a.q_heads / a.q_len].by_head[row % a.q_heads].push_back(rows.size());
    rows.push_back({row, {}, {}});
  }
  pick_plain_heads(a, flops_of_a_row(a), checks.most_plain_flops, rows.size(), sequences);
  std::size_t plain_rows = 0;
  for (const auto& [sequence, looked] : sequences)
    for (const std::int64_t head : looked.plain_heads)
      plain_rows += looked.by_head.find(head)->second.size();
  for (const auto& [sequence, looked] : sequences) {
    const Expected expected(a, inputs, sequence);
    expected.exact(looked, rows);
    expected.plain(looked, plain_sums(plain_rows), rows);
  }
  std::string reference = "float64 latent attention, ";
  reference += rows.size() == static_cast<std::size_t>(count)
                   ? "all rows"
                   : std::to_string(rows.size()) + " of " + std::to_string(count) + " rows";
  return make_rows_oracle(structure_of(a).outputs(a).front(), std::move(rows), reference);
}

std::size_t mla_oracle_bytes(const Attention& a, const SoftmaxChecks& checks) {
  const std::int64_t rows = std::min(rows_of(a), affordable(a, checks));
  const std::int64_t keys = a.keys(0).size();
  const std::int64_t weights = (a.nope_head_dim() + a.v_head_dim) * a.kv_lora_rank;
  const std::int64_t of_a_thread =
      weights + keys + 4 * (a.head_dim + a.v_head_dim + a.latent_dim());
  std::size_t bytes = expected_rows_bytes(rows, a.v_head_dim) +
                      wide_head_bytes(keys, a.latent_dim(), a.kv_lora_rank) +
                      static_cast<std::size_t>(usable_processors() * of_a_thread) * sizeof(double);
  if (a.phase == Phase::prefill)  // what plain arithmetic makes of one head
    bytes += wide_head_bytes(keys, a.head_dim, a.v_head_dim) +
             static_cast<std::size_t>(weights) * sizeof(double);
  return bytes;
}

}  // namespace ergon
