#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/attention/softmax_oracle.h"
#include "kernels/attention/sparse.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

std::int64_t affordable(double flops, double flops_of_one, std::int64_t least) {
  return std::max(least, static_cast<std::int64_t>(std::min(flops / flops_of_one, 0x1p40)));
}

std::int64_t queries_looked_at(const Attention& a, const SparseChecks& checks) {
  const std::int64_t queries = a.batch * a.q_len;
  const double flops = 2 * a.pairs() / static_cast<double>(queries) *
                       static_cast<double>(a.index_heads * a.index_head_dim);
  return std::min(queries, affordable(checks.most_score_flops, std::max(1.0, flops), 2));
}
/// Of o, of as many queries.
double flops_of_a_row(const Attention& a) {
  return 2.0 * static_cast<double>(std::min(a.top_k, a.kv_len)) *
         static_cast<double>(a.head_dim + a.v_head_dim);
}
std::int64_t rows_checked(const Attention& a, const SparseChecks& checks, std::int64_t queries) {
  return std::min(queries * a.q_heads, affordable(checks.most_flops, flops_of_a_row(a), 64));
}

/// The latents of one sequence that some query sees, as stored.
struct Latents {
  KeyRange seen;
  std::vector<std::byte> rows;
  std::vector<float> scales;

  Latents() = default;
  Latents(const Attention& a, const Inputs& inputs, std::int64_t sequence)
      : seen(a.keys(sequence)) {
    const KvRows from(a, inputs, 0, "latent", 1, a.head_dim);
    const std::size_t bytes = static_cast<std::size_t>(a.head_dim) * size_of(a.kv_dtype);
    rows.resize(static_cast<std::size_t>(seen.size()) * bytes);
    scales.reserve(static_cast<std::size_t>(seen.size()));
    for (std::int64_t j = 0; j < seen.size(); ++j) {
      std::copy_n(from.row(sequence, seen.first + j, 0), bytes,
                  rows.data() + static_cast<std::size_t>(j) * bytes);
      scales.push_back(from.scale(sequence, seen.first + j, 0));
    }
  }
};

/// One query that is looked at.
struct Looked {
  std::int64_t query = 0;      // of all sequences
  std::vector<double> scores;  // of the keys that it sees
  double unit = 0;             // the largest sum of |index_weight| max(0, ...)
  double worst = 0;            // error of plain scores
  std::vector<double> q;       // [q_heads, head_dim]
};

/// The indexer's operands of one query, widened.
struct Indexer {
  std::vector<double> q, weight;

  Indexer(const Attention& a, const Inputs& inputs, std::int64_t query)
      : q(static_cast<std::size_t>(a.index_heads * a.index_head_dim)),
        weight(static_cast<std::size_t>(a.index_heads)) {
    const std::int64_t width = a.index_heads * a.index_head_dim;
    widen(a.dtype, inputs.data("index_q", 0), query * width, 1, width, q.data());
    widen(DType::f32, inputs.data("index_weight", 0), query * a.index_heads, 1, a.index_heads,
          weight.data());
  }

  template <class Real>
  struct Score {
    Real sum = 0, magnitude = 0;
  };
  template <class Real>
  Score<Real> score(const std::vector<double>& k) const {
    Score<Real> score;
    for (std::size_t j = 0; j < weight.size(); ++j) {
      Real product = 0;
      const double* row = q.data() + j * k.size();
      for (std::size_t d = 0; d < k.size(); ++d)
        product += static_cast<Real>(row[d]) * static_cast<Real>(k[d]);
      product = std::max(product, Real{0});
      score.sum += static_cast<Real>(weight[j]) * product;
      score.magnitude += std::fabs(static_cast<Real>(weight[j])) * product;
    }
    return score;
  }
};

Looked looked_at(const Attention& a, const Inputs& inputs, std::int64_t query) {
  const std::int64_t sequence = query / a.q_len;
  const KeyRange seen = a.keys(sequence, query % a.q_len);
  Looked looked;
  looked.query = query;
  looked.scores.resize(static_cast<std::size_t>(seen.size()));
  looked.q.resize(static_cast<std::size_t>(a.q_heads * a.head_dim));
  const auto width = static_cast<std::int64_t>(looked.q.size());
  widen(a.dtype, inputs.data("q", 0), query * width, 1, width, looked.q.data());

  const Indexer indexer(a, inputs, query);
  const KvRows rows(a, inputs, 0, "index_k", 1, a.index_head_dim);
  std::vector<double> units(static_cast<std::size_t>(usable_processors())), worst(units);
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<double> k(static_cast<std::size_t>(a.index_head_dim));
    double unit = 0, error = 0;
    for (std::int64_t s = thread; s < seen.size(); s += team) {
      rows.widened(sequence, seen.first + s, 0, k.data());
      const auto exact = indexer.score<double>(k);
      looked.scores[static_cast<std::size_t>(s)] = exact.sum;
      unit = std::max(unit, exact.magnitude);
      error = std::max(error, std::fabs(double{indexer.score<float>(k).sum} - exact.sum));
    }
    units[static_cast<std::size_t>(thread)] = unit;
    worst[static_cast<std::size_t>(thread)] = error;
  });
  looked.unit = *std::max_element(units.begin(), units.end());
  looked.worst = *std::max_element(worst.begin(), worst.end());
  return looked;
}

std::string place(const char* name, std::initializer_list<std::int64_t> index) {
  std::string text = name;
  char before = '[';
  for (const std::int64_t one : index) {
    text += before + std::to_string(one);
    before = ',';
  }
  return text + "]";
}

class SparseOracle final : public Oracle {
 public:
  SparseOracle(const Attention& a, const Inputs& inputs, const SparseChecks& checks)
      : a_(a), checks_(checks) {
    const std::int64_t queries = a.batch * a.q_len;
    double worst = std::numeric_limits<float>::epsilon();  // in units
    for (const std::int64_t query : rows_to_check(queries, queries_looked_at(a, checks))) {
      looked_.push_back(looked_at(a, inputs, query));
      if (looked_.back().unit > 0)
        worst = std::max(worst, looked_.back().worst / looked_.back().unit);
      const std::int64_t sequence = query / a.q_len;
      if (latents_.count(sequence) == 0) latents_[sequence] = Latents(a, inputs, sequence);
    }
    tolerance_ = 2 * worst;
    reference_ =
        static_cast<std::int64_t>(looked_.size()) == queries
            ? "all queries"
            : std::to_string(looked_.size()) + " of " + std::to_string(queries) + " queries";
  }

  Accuracy check(std::span<const HostTensor> outputs) const override {
    const std::vector<NamedDesc> expected = structure_of(a_).outputs(a_);
    bool known = outputs.size() == expected.size();
    for (std::size_t i = 0; known && i < expected.size(); ++i)
      known = outputs[i].name == expected[i].name &&
              outputs[i].desc.dtype == expected[i].desc.dtype &&
              outputs[i].desc.sizes == expected[i].desc.sizes &&
              outputs[i].desc.strides == expected[i].desc.strides;
    if (!known)
      throw std::invalid_argument("sparse attention has the outputs \"o\" and \"selected\", dense");
    const auto* selected = reinterpret_cast<const std::int32_t*>(outputs[1].data);
    Accuracy wrong;
    wrong.reference = "float64 scores, " + reference_;
    for (std::int64_t query = 0; query < a_.batch * a_.q_len && !wrong.mismatch; ++query)
      wrong.mismatch = not_a_selection(selected, query);
    for (std::size_t i = 0; i < looked_.size() && !wrong.mismatch; ++i)
      wrong.mismatch = not_the_highest(selected, looked_[i]);
    // Nothing can be expected of o where the keys are wrong.
    return wrong.mismatch ? wrong : attended(selected, outputs[0]);
  }

 private:
  /// Keys that were chosen for a query.
  std::vector<std::int64_t> chosen(const std::int32_t* selected, std::int64_t query) const {
    std::vector<std::int64_t> keys;
    for (std::int64_t i = 0; i < a_.top_k; ++i)
      if (selected[query * a_.top_k + i] != -1) keys.push_back(selected[query * a_.top_k + i]);
    return keys;
  }

  std::optional<std::string> not_a_selection(const std::int32_t* selected,
                                             std::int64_t query) const {
    const std::int64_t b = query / a_.q_len, q = query % a_.q_len;
    const KeyRange seen = a_.keys(b, q);
    std::vector<bool> taken(static_cast<std::size_t>(seen.size()));
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < a_.top_k; ++i) {
      const std::int64_t key = selected[query * a_.top_k + i];
      if (key == -1) continue;
      if (key < seen.first || key >= seen.end)
        return place("selected", {b, q, i}) + ": " + std::to_string(key) +
               " is no key that the query sees";
      const auto at = static_cast<std::size_t>(key - seen.first);
      if (taken[at])
        return place("selected", {b, q, i}) + ": key " + std::to_string(key) + " a second time";
      taken[at] = true;
      ++count;
    }
    const std::int64_t due = std::min(a_.top_k, seen.size());
    if (count == due) return std::nullopt;
    return place("selected", {b, q}) + ": " + std::to_string(count) + " keys, not " +
           std::to_string(due);
  }

  std::optional<std::string> not_the_highest(const std::int32_t* selected,
                                             const Looked& looked) const {
    const std::vector<std::int64_t> keys = chosen(selected, looked.query);
    if (keys.size() == looked.scores.size()) return std::nullopt;
    std::vector<double> sorted = looked.scores;
    const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(keys.size()) - 1;
    std::nth_element(sorted.begin(), last, sorted.end(), std::greater<>());
    const double least = *last, tolerance = tolerance_ * looked.unit;
    const std::int64_t b = looked.query / a_.q_len, q = looked.query % a_.q_len;
    const std::int64_t first = a_.keys(b, q).first;
    std::vector<bool> taken(looked.scores.size());
    for (const std::int64_t key : keys) taken[static_cast<std::size_t>(key - first)] = true;
    for (std::size_t s = 0; s < taken.size(); ++s) {
      const double score = looked.scores[s];
      const bool wrong = taken[s] ? score < least - tolerance : score > least + tolerance;
      if (!wrong) continue;
      return place("selected", {b, q}) + ": key " +
             std::to_string(first + static_cast<std::int64_t>(s)) +
             (taken[s] ? " was chosen" : " was left out") + ", with the score " +
             std::to_string(score) + "; the " + std::to_string(keys.size()) + "th highest is " +
             std::to_string(least) + ", known to " + std::to_string(tolerance);
    }
    return std::nullopt;
  }

  /// The chosen keys of a query, widened.
  WideHead head_of(const Looked& looked, const std::vector<std::int64_t>& keys) const {
    const Latents& from = latents_.find(looked.query / a_.q_len)->second;
    WideHead wide{a_.head_dim, a_.v_head_dim, 0, static_cast<std::int64_t>(keys.size()), {}, {}};
    wide.k.resize(static_cast<std::size_t>(wide.keys * a_.head_dim));
    wide.v.resize(static_cast<std::size_t>(wide.keys * a_.v_head_dim));
    std::vector<double> row(static_cast<std::size_t>(a_.head_dim));
    for (std::int64_t j = 0; j < wide.keys; ++j) {
      const std::int64_t at = keys[static_cast<std::size_t>(j)] - from.seen.first;
      widen(a_.kv_dtype, from.rows.data(), at * a_.head_dim, 1, a_.head_dim, row.data());
      for (double& each : row) each *= double{from.scales[static_cast<std::size_t>(at)]};
      for (std::int64_t d = 0; d < a_.head_dim; ++d)
        wide.k[static_cast<std::size_t>(d * wide.keys + j)] = row[static_cast<std::size_t>(d)];
      std::copy_n(row.data(), a_.v_head_dim, wide.v.data() + j * a_.v_head_dim);
    }
    return wide;
  }

  /// o against attention over the keys that were chosen.
  Accuracy attended(const std::int32_t* selected, const HostTensor& o) const {
    const auto queries = static_cast<std::int64_t>(looked_.size());
    const std::vector<std::int64_t> picked =
        rows_to_check(queries * a_.q_heads, rows_checked(a_, checks_, queries));
    const std::int64_t plain_rows = affordable(checks_.most_plain_flops, flops_of_a_row(a_), 16);
    const auto count = static_cast<std::int64_t>(picked.size());
    const std::int64_t step = (count + plain_rows - 1) / plain_rows;
    const int sums = plain_sums(static_cast<std::size_t>(count / step));
    std::vector<ExpectedRow> rows(picked.size());
    for (std::size_t first = 0, end = 0; first < picked.size(); first = end) {
      const Looked& looked = looked_[static_cast<std::size_t>(picked[first] / a_.q_heads)];
      while (end < picked.size() && picked[end] / a_.q_heads == picked[first] / a_.q_heads) ++end;
      const WideHead wide = head_of(looked, chosen(selected, looked.query));
      on_team(usable_processors(), [&](int thread, int team) {
        for (std::size_t i = first + static_cast<std::size_t>(thread); i < end;
             i += static_cast<std::size_t>(team)) {
          const std::int64_t head = picked[i] % a_.q_heads;
          SoftmaxQuery query;
          query.q.assign(looked.q.begin() + head * a_.head_dim,
                         looked.q.begin() + (head + 1) * a_.head_dim);
          query.seen = {0, wide.keys};
          query.scale = a_.scale;
          rows[i].row = looked.query * a_.q_heads + head;
          rows[i].exact = exact_row(wide, query);
          if (static_cast<std::int64_t>(i) % step != 0) continue;
          for (int start = 0; start < sums; ++start)
            rows[i].plain.push_back(plain_row(wide, query, a_.product_dtype(), a_.dtype, start));
        }
      });
    }
    const std::string text = "float64 scores, and attention over the chosen keys, of " +
                             reference_ + ", " + std::to_string(count) + " rows";
    const NamedDesc desc{o.name, o.desc};
    return make_rows_oracle(desc, std::move(rows), text)->check({&o, 1});
  }

  const Attention a_;
  SparseChecks checks_;
  std::map<std::int64_t, Latents> latents_;
  std::vector<Looked> looked_;
  double tolerance_ = 0;  // of scores, in units
  std::string reference_;
};

}  // namespace

std::unique_ptr<Oracle> make_sparse_oracle(const Attention& a, const Inputs& inputs,
                                           const SparseChecks& checks) {
  return std::make_unique<SparseOracle>(a, inputs, checks);
}

std::size_t sparse_oracle_bytes(const Attention& a, const SparseChecks& checks) {
  const std::int64_t queries = queries_looked_at(a, checks), keys = a.keys(0).size();
  const std::int64_t seen = most_keys_of_a_query(a), chosen = std::min(a.top_k, seen);
  const std::int64_t latents = std::min(a.batch, queries) * keys;
  const std::int64_t latent =
      a.head_dim * static_cast<std::int64_t>(size_of(a.kv_dtype)) + std::int64_t{sizeof(float)};
  // Scores and q of all that are looked at; of one query its indexer, sorted scores and lists.
  const std::int64_t looked = queries * (seen + a.q_heads * a.head_dim) +
                              a.index_heads * (a.index_head_dim + 1) + seen + 4 * chosen;
  const std::int64_t of_a_thread = chosen + a.index_head_dim + 2 * (a.head_dim + a.v_head_dim);
  return static_cast<std::size_t>(latents * latent) +
         static_cast<std::size_t>(looked + usable_processors() * of_a_thread) * sizeof(double) +
         wide_head_bytes(chosen, a.head_dim, a.v_head_dim) +
         expected_rows_bytes(rows_checked(a, checks, queries), a.v_head_dim);
}

}  // namespace ergon
