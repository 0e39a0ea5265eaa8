#include "kernels/attention/softmax_oracle.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "kernels/attention/kv.h"
#include "kernels/attention/structure.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// Logits of the keys that a query sees; sums in Real.
template <class Real>
std::vector<Real> logits(const WideHead& head, const SoftmaxQuery& query, std::int64_t start) {
  const std::int64_t count = query.seen.size(), from = query.seen.first - head.first;
  std::vector<Real> x(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < head.head_dim; ++i) {
    const std::int64_t d = (i + start) % head.head_dim;
    const auto q = static_cast<Real>(query.q[static_cast<std::size_t>(d)]);
    const double* k = head.k.data() + d * head.keys + from;
    for (std::int64_t j = 0; j < count; ++j)
      x[static_cast<std::size_t>(j)] += q * static_cast<Real>(k[j]);
  }
  const auto scale = static_cast<Real>(query.scale), cap = static_cast<Real>(query.soft_cap);
  for (Real& each : x) {
    each *= scale;
    if (cap > 0) each = cap * std::tanh(each / cap);
  }
  return x;
}

/// The row of o; `rounded` is applied to the weights that multiply V.
template <class Real, class Rounded>
std::vector<Real> row_of(const WideHead& head, const SoftmaxQuery& query, std::int64_t start,
                         Rounded rounded) {
  std::vector<Real> o(static_cast<std::size_t>(head.v_head_dim));
  if (query.seen.size() == 0) return o;
  const std::vector<Real> weights = logits<Real>(head, query, start);
  Real largest = *std::max_element(weights.begin(), weights.end());
  if (query.sink != nullptr) largest = std::max(largest, static_cast<Real>(*query.sink));
  Real sum = query.sink == nullptr ? Real{0} : std::exp(static_cast<Real>(*query.sink) - largest);
  const std::int64_t count = query.seen.size();
  const double* v = head.v.data() + (query.seen.first - head.first) * head.v_head_dim;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = (i + start) % count;
    const Real weight = std::exp(weights[static_cast<std::size_t>(j)] - largest);
    sum += weight;
    const Real factor = rounded(weight);
    for (std::int64_t d = 0; d < head.v_head_dim; ++d)
      o[static_cast<std::size_t>(d)] += factor * static_cast<Real>(v[j * head.v_head_dim + d]);
  }
  for (Real& each : o) each /= sum;
  return o;
}

WideHead widened(const Attention& a, const Inputs& inputs, std::int64_t sequence,
                 std::int64_t head) {
  const KeyRange seen = a.keys(sequence);
  WideHead wide{a.head_dim, a.v_head_dim, seen.first, seen.size(), {}, {}};
  wide.k.resize(static_cast<std::size_t>(wide.keys * a.head_dim));
  wide.v.resize(static_cast<std::size_t>(wide.keys * a.v_head_dim));
  const KvRows k(a, inputs, 0, false), v(a, inputs, 0, true);
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<double> row(static_cast<std::size_t>(a.head_dim));
    for (std::int64_t j = wide.keys * thread / team; j < wide.keys * (thread + 1) / team; ++j) {
      k.widened(sequence, seen.first + j, head, row.data());
      for (std::int64_t d = 0; d < a.head_dim; ++d)
        wide.k[static_cast<std::size_t>(d * wide.keys + j)] = row[static_cast<std::size_t>(d)];
      v.widened(sequence, seen.first + j, head, wide.v.data() + j * a.v_head_dim);
    }
  });
  return wide;
}

std::int64_t rows_of(const Attention& a) { return a.batch * a.q_len * a.q_heads; }
std::int64_t affordable(const Attention& a, double flops) {
  const double flops_of_a_row = std::max(1.0, a.work().flops / static_cast<double>(rows_of(a)));
  return std::max<std::int64_t>(
      64, static_cast<std::int64_t>(std::min(flops / flops_of_a_row, 0x1p40)));
}

}  // namespace

std::size_t wide_head_bytes(std::int64_t keys, std::int64_t head_dim, std::int64_t v_head_dim) {
  return static_cast<std::size_t>(keys * (head_dim + v_head_dim)) * sizeof(double);
}

std::vector<double> exact_row(const WideHead& head, const SoftmaxQuery& query) {
  return row_of<double>(head, query, 0, [](double weight) { return weight; });
}

std::vector<double> plain_row(const WideHead& head, const SoftmaxQuery& query, DType rounded,
                              DType output, int start) {
  const auto row = row_of<float>(head, query, std::int64_t{start} * 37, [&](float weight) {
    return rounded == DType::bf16 ? from_bf16(to_bf16(weight)) : weight;
  });
  std::vector<double> values;
  values.reserve(row.size());
  for (const float each : row) values.push_back(rounded_to(output, double{each}));
  return values;
}

std::unique_ptr<Oracle> make_softmax_oracle(const Attention& a, const Inputs& inputs,
                                            const SoftmaxChecks& checks) {
  const std::int64_t count = rows_of(a);
  const std::vector<std::int64_t> chosen = rows_to_check(count, affordable(a, checks.most_flops));
  const std::size_t plain_step = static_cast<std::size_t>(
      std::ceil(static_cast<double>(chosen.size()) /
                static_cast<double>(affordable(a, checks.most_plain_flops))));

  const int sums = plain_sums(chosen.size() / plain_step);
  std::vector<ExpectedRow> rows;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> by_head;
  for (const std::int64_t row : chosen) {
    const std::int64_t head = row % a.q_heads / a.group(), sequence = row / a.q_heads / a.q_len;
    by_head[{sequence, head}].push_back(rows.size());
    rows.push_back({row, {}, {}});
  }
  const float* sinks = a.sinks ? inputs.as<float>("sink", 0) : nullptr;
  for (const auto& [place, mine] : by_head) {
    const auto [sequence, head] = place;
    const WideHead wide = widened(a, inputs, sequence, head);
    const auto all = static_cast<std::int64_t>(mine.size());
    on_team(usable_processors(), [&, sequence = sequence, &mine = mine](int thread, int team) {
      for (std::int64_t i = thread; i < all; i += team) {
        const std::size_t index = mine[static_cast<std::size_t>(i)];
        ExpectedRow& row = rows[index];
        SoftmaxQuery query;
        query.q.resize(static_cast<std::size_t>(a.head_dim));
        widen(a.dtype, inputs.data("q", 0), row.row * a.head_dim, 1, a.head_dim, query.q.data());
        query.seen = a.keys(sequence, row.row / a.q_heads % a.q_len);
        query.scale = a.scale;
        query.soft_cap = a.soft_cap;
        if (sinks != nullptr) query.sink = sinks + row.row % a.q_heads;
        row.exact = exact_row(wide, query);
        if (index % plain_step != 0) continue;
        for (int start = 0; start < sums; ++start)
          row.plain.push_back(plain_row(wide, query, a.product_dtype(), a.dtype, start));
      }
    });
  }
  std::string reference = "float64 softmax attention, ";
  reference += chosen.size() == static_cast<std::size_t>(count)
                   ? "all rows"
                   : std::to_string(chosen.size()) + " of " + std::to_string(count) + " rows";
  return make_rows_oracle(structure_of(a).outputs(a).front(), std::move(rows), reference);
}

std::size_t softmax_oracle_bytes(const Attention& a, const SoftmaxChecks& checks) {
  const std::int64_t rows = std::min(rows_of(a), affordable(a, checks.most_flops));
  const std::int64_t of_a_thread = most_keys_of_a_query(a) + 2 * (a.head_dim + a.v_head_dim);
  return expected_rows_bytes(rows, a.v_head_dim) +
         wide_head_bytes(a.keys(0).size(), a.head_dim, a.v_head_dim) +
         static_cast<std::size_t>(usable_processors() * of_a_thread) * sizeof(double);
}

}  // namespace ergon
