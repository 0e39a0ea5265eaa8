// mla and sparse as plain loops, sums and all else between operands and output in Real: f64 for the
// reference, f32 for naive. mla goes the way that is counted (mla.h).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/kv.h"
#include "kernels/attention/loop_plan.h"
#include "kernels/devices/cpu.h"

namespace ergon::latent_loops {

/// A row as it is stored.
template <class Real>
struct Stored {
  DType dtype;
  const std::byte* data;
  Real scale;

  Real operator[](std::int64_t i) const {
    switch (dtype) {
      case DType::bf16:
        return Real{from_bf16(reinterpret_cast<const std::uint16_t*>(data)[i])};
      case DType::f16:
        return Real{from_f16(reinterpret_cast<const std::uint16_t*>(data)[i])};
      case DType::s8:
        return scale * static_cast<Real>(reinterpret_cast<const std::int8_t*>(data)[i]);
      default:
        return Real{reinterpret_cast<const float*>(data)[i]};
    }
  }
};

/// Row `row` of a dense operand whose rows are `width` long.
template <class Real>
Stored<Real> dense_row(const Inputs& inputs, const char* operand, std::size_t slot,
                       std::int64_t row, std::int64_t width) {
  const TensorDesc& desc = inputs.desc(operand);
  const std::int64_t element = row * width;
  return {desc.dtype,
          inputs.data(operand, slot) + element * static_cast<std::int64_t>(size_of(desc.dtype)),
          Real{1}};
}
template <class Real>
Stored<Real> token_row(const KvRows& rows, std::int64_t sequence, std::int64_t token) {
  return {rows.dtype(), rows.row(sequence, token, 0), Real{rows.scale(sequence, token, 0)}};
}

template <class Real, class A, class B>
Real dot(const A& a, const B& b, std::int64_t count) {
  Real sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// o = softmax of the logits q key(j), times value(j), for j below `count`.
template <class Real, class Query, class Key, class Value>
void attend(const Attention& a, const Query& q, std::int64_t width, std::int64_t count,
            const float* sink, Key key, Value value, std::vector<Real>& o) {
  std::fill(o.begin(), o.end(), Real{0});
  if (count == 0) return;
  std::vector<Real> x;
  x.reserve(static_cast<std::size_t>(count));
  const auto scale = static_cast<Real>(a.scale), cap = static_cast<Real>(a.soft_cap);
  for (std::int64_t j = 0; j < count; ++j) {
    const Real logit = scale * dot<Real>(q, key(j), width);
    x.push_back(cap > 0 ? cap * std::tanh(logit / cap) : logit);
  }
  Real largest = *std::max_element(x.begin(), x.end()), total = 0;
  if (sink != nullptr) {
    largest = std::max(largest, Real{*sink});
    total = std::exp(Real{*sink} - largest);
  }
  for (Real& weight : x) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  for (std::int64_t j = 0; j < count; ++j) {
    const Real factor = x[static_cast<std::size_t>(j)] / total;
    const auto v = value(j);
    for (std::size_t d = 0; d < o.size(); ++d) o[d] += factor * v[static_cast<std::int64_t>(d)];
  }
}

template <class Real>
void store_row(const Attention& a, const std::vector<Real>& values, std::byte* o,
               std::int64_t row) {
  const auto width = static_cast<std::int64_t>(values.size());
  for (std::int64_t d = 0; d < width; ++d)
    store(a.dtype, o, row * width + d, double{values[static_cast<std::size_t>(d)]});
}

inline const float* sink_of(const Attention& a, const Inputs& inputs, std::size_t slot,
                            std::int64_t head) {
  return a.sinks ? inputs.as<float>("sink", slot) + head : nullptr;
}

/// All queries of one head of a sequence, keys and values made first.
template <class Real>
void mla_expanded(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t sequence,
                  std::int64_t head, std::byte* to) {
  const KeyRange all = a.keys(sequence);
  const KvRows latents(a, inputs, slot, "latent", 1, a.latent_dim());
  const std::int64_t nope = a.nope_head_dim(), rank = a.kv_lora_rank;
  std::vector<Real> k(static_cast<std::size_t>(all.size() * a.head_dim));
  std::vector<Real> v(static_cast<std::size_t>(all.size() * a.v_head_dim));
  for (std::int64_t j = 0; j < all.size(); ++j) {
    const auto c = token_row<Real>(latents, sequence, all.first + j);
    Real* key = k.data() + j * a.head_dim;
    Real* value = v.data() + j * a.v_head_dim;
    for (std::int64_t d = 0; d < nope; ++d)
      key[d] = dot<Real>(dense_row<Real>(inputs, "w_uk", slot, head * nope + d, rank), c, rank);
    for (std::int64_t d = 0; d < a.rope_head_dim; ++d) key[nope + d] = c[rank + d];
    for (std::int64_t d = 0; d < a.v_head_dim; ++d)
      value[d] =
          dot<Real>(dense_row<Real>(inputs, "w_uv", slot, head * a.v_head_dim + d, rank), c, rank);
  }
  std::vector<Real> o(static_cast<std::size_t>(a.v_head_dim));
  for (std::int64_t i = 0; i < a.q_len; ++i) {
    const std::int64_t row = (sequence * a.q_len + i) * a.q_heads + head;
    const KeyRange seen = a.keys(sequence, i);
    const std::int64_t from = seen.first - all.first;
    attend(
        a, dense_row<Real>(inputs, "q", slot, row, a.head_dim), a.head_dim, seen.size(),
        sink_of(a, inputs, slot, head),
        [&](std::int64_t j) { return k.data() + (from + j) * a.head_dim; },
        [&](std::int64_t j) { return v.data() + (from + j) * a.v_head_dim; }, o);
    store_row(a, o, to, row);
  }
}

/// One query of one head, over the latents.
template <class Real>
void mla_absorbed(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t row,
                  std::byte* to) {
  const std::int64_t head = row % a.q_heads, sequence = row / a.q_heads / a.q_len;
  const std::int64_t nope = a.nope_head_dim(), rank = a.kv_lora_rank;
  const KvRows latents(a, inputs, slot, "latent", 1, a.latent_dim());
  const auto q = dense_row<Real>(inputs, "q", slot, row, a.head_dim);
  std::vector<Real> absorbed(static_cast<std::size_t>(a.latent_dim()));
  for (std::int64_t d = 0; d < nope; ++d) {
    const auto w = dense_row<Real>(inputs, "w_uk", slot, head * nope + d, rank);
    for (std::int64_t r = 0; r < rank; ++r) absorbed[static_cast<std::size_t>(r)] += q[d] * w[r];
  }
  for (std::int64_t d = 0; d < a.rope_head_dim; ++d)
    absorbed[static_cast<std::size_t>(rank + d)] = q[nope + d];

  const KeyRange seen = a.keys(sequence, row / a.q_heads % a.q_len);
  const auto latent = [&](std::int64_t j) {
    return token_row<Real>(latents, sequence, seen.first + j);
  };
  std::vector<Real> sum(static_cast<std::size_t>(rank));
  attend(a, absorbed.data(), a.latent_dim(), seen.size(), sink_of(a, inputs, slot, head), latent,
         latent, sum);
  std::vector<Real> o;
  o.reserve(static_cast<std::size_t>(a.v_head_dim));
  for (std::int64_t d = 0; d < a.v_head_dim; ++d)
    o.push_back(dot<Real>(dense_row<Real>(inputs, "w_uv", slot, head * a.v_head_dim + d, rank),
                          sum.data(), rank));
  store_row(a, o, to, row);
}

/// Expanded by heads, absorbed by rows of o.
inline std::int64_t mla_tasks(const Attention& a) {
  return a.batch * a.q_heads * (a.phase == Phase::prefill ? 1 : a.q_len);
}

template <class Real>
void mla(const Attention& a, const Inputs& inputs, std::size_t slot,
         std::span<std::byte* const> outputs, int threads) {
  const bool expanded = a.phase == Phase::prefill;
  const std::int64_t tasks = mla_tasks(a);
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t i = tasks * thread / team; i < tasks * (thread + 1) / team; ++i) {
      if (expanded) {
        mla_expanded<Real>(a, inputs, slot, i / a.q_heads, i % a.q_heads, outputs[0]);
      } else {
        mla_absorbed<Real>(a, inputs, slot, i, outputs[0]);
      }
    }
  });
}

template <class Real>
std::size_t mla_bytes(const Attention& a, int threads) {
  const std::int64_t row = most_keys_of_a_query(a) + a.v_head_dim;
  const std::int64_t made = a.phase == Phase::prefill
                                ? a.keys(0).size() * (a.head_dim + a.v_head_dim)
                                : a.latent_dim() + a.kv_lora_rank;
  return scratch_of_threads<Real>(threads, mla_tasks(a), row + made);
}

template <class Real>
AttentionLoop mla_loop() {
  return {mla<Real>, mla_bytes<Real>};
}

/// Of key `token` for a query.
template <class Real>
Real index_score(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t query,
                 const Stored<Real>& k) {
  const float* weight = inputs.as<float>("index_weight", slot) + query * a.index_heads;
  Real score = 0;
  for (std::int64_t j = 0; j < a.index_heads; ++j) {
    const auto q =
        dense_row<Real>(inputs, "index_q", slot, query * a.index_heads + j, a.index_head_dim);
    score += Real{weight[j]} * std::max(Real{0}, dot<Real>(q, k, a.index_head_dim));
  }
  return score;
}

/// The keys of the highest scores, ascending.
template <class Real>
std::vector<std::int64_t> highest(const std::vector<Real>& scores, std::int64_t count) {
  std::vector<std::int64_t> keys(scores.size());
  std::iota(keys.begin(), keys.end(), 0);
  if (count < static_cast<std::int64_t>(keys.size())) {
    std::nth_element(
        keys.begin(), keys.begin() + count, keys.end(), [&](std::int64_t one, std::int64_t other) {
          return scores[static_cast<std::size_t>(one)] > scores[static_cast<std::size_t>(other)];
        });
    keys.resize(static_cast<std::size_t>(count));
    std::sort(keys.begin(), keys.end());
  }
  return keys;
}

/// One query, whose heads are shared by the threads, as the keys are before.
template <class Real>
void sparse_query(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t query,
                  std::span<std::byte* const> outputs, int threads) {
  const std::int64_t sequence = query / a.q_len;
  const KeyRange seen = a.keys(sequence, query % a.q_len);
  const KvRows index(a, inputs, slot, "index_k", 1, a.index_head_dim);
  const KvRows latents(a, inputs, slot, "latent", 1, a.head_dim);
  std::vector<Real> scores(static_cast<std::size_t>(seen.size()));
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t s = thread; s < seen.size(); s += team)
      scores[static_cast<std::size_t>(s)] = index_score<Real>(
          a, inputs, slot, query, token_row<Real>(index, sequence, seen.first + s));
  });
  std::vector<std::int64_t> keys = highest(scores, a.top_k);
  for (std::int64_t& key : keys) key += seen.first;
  const auto count = static_cast<std::int64_t>(keys.size());
  auto* selected = reinterpret_cast<std::int32_t*>(outputs[1]) + query * a.top_k;
  for (std::int64_t i = 0; i < a.top_k; ++i)
    selected[i] = i < count ? static_cast<std::int32_t>(keys[static_cast<std::size_t>(i)]) : -1;

  const auto latent = [&](std::int64_t j) {
    return token_row<Real>(latents, sequence, keys[static_cast<std::size_t>(j)]);
  };
  on_team(threads, [&](int thread, int team) {
    std::vector<Real> o(static_cast<std::size_t>(a.v_head_dim));
    for (std::int64_t head = thread; head < a.q_heads; head += team) {
      const std::int64_t row = query * a.q_heads + head;
      attend(a, dense_row<Real>(inputs, "q", slot, row, a.head_dim), a.head_dim, count, nullptr,
             latent, latent, o);
      store_row(a, o, outputs[0], row);
    }
  });
}

template <class Real>
void sparse(const Attention& a, const Inputs& inputs, std::size_t slot,
            std::span<std::byte* const> outputs, int threads) {
  for (std::int64_t query = 0; query < a.batch * a.q_len; ++query)
    sparse_query<Real>(a, inputs, slot, query, outputs, threads);
}

template <class Real>
std::size_t sparse_bytes(const Attention& a, int threads) {
  const std::int64_t seen = most_keys_of_a_query(a);
  return static_cast<std::size_t>(seen) * (sizeof(Real) + sizeof(std::int64_t)) +
         scratch_of_threads<Real>(threads, a.q_heads, std::min(a.top_k, seen) + a.v_head_dim);
}

template <class Real>
AttentionLoop sparse_loop() {
  return {sparse<Real>, sparse_bytes<Real>};
}

}  // namespace ergon::latent_loops
