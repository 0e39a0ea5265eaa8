// The obvious loops, scalar, f32 sums. softmax: for a query the logits of its keys, their softmax,
// then the sum of values; threads share rows of o. linear: the recurrence, token by token; threads
// share heads.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/attention/latent_loops.h"
#include "kernels/attention/linear.h"
#include "kernels/attention/loop_plan.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

float element(DType dtype, const std::byte* row, std::int64_t index) {
  switch (dtype) {
    case DType::bf16:
      return from_bf16(reinterpret_cast<const std::uint16_t*>(row)[index]);
    case DType::f16:
      return from_f16(reinterpret_cast<const std::uint16_t*>(row)[index]);
    case DType::s8:
      return reinterpret_cast<const std::int8_t*>(row)[index];
    default:
      return reinterpret_cast<const float*>(row)[index];
  }
}

float logit(const Attention& a, const std::byte* q, const KvRows& keys, std::int64_t sequence,
            std::int64_t token, std::int64_t head) {
  const std::byte* k = keys.row(sequence, token, head);
  float sum = 0;
  for (std::int64_t d = 0; d < a.head_dim; ++d)
    sum += element(a.dtype, q, d) * element(a.kv_dtype, k, d);
  sum *= static_cast<float>(a.scale) * keys.scale(sequence, token, head);
  const auto cap = static_cast<float>(a.soft_cap);
  return cap > 0 ? cap * std::tanh(sum / cap) : sum;
}

void softmax_row(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t row,
                 std::vector<float>& x, std::vector<float>& o) {
  const std::int64_t head = row % a.q_heads, sequence = row / a.q_heads / a.q_len;
  const KeyRange seen = a.keys(sequence, row / a.q_heads % a.q_len);
  std::fill(o.begin(), o.end(), 0.0F);
  if (seen.size() == 0) return;
  const KvRows keys(a, inputs, slot, false), values(a, inputs, slot, true);
  const std::byte* q =
      inputs.data("q", slot) + row * a.head_dim * static_cast<std::int64_t>(size_of(a.dtype));
  x.resize(static_cast<std::size_t>(seen.size()));
  for (std::int64_t j = 0; j < seen.size(); ++j)
    x[static_cast<std::size_t>(j)] = logit(a, q, keys, sequence, seen.first + j, head / a.group());
  float largest = *std::max_element(x.begin(), x.end()), total = 0;
  if (a.sinks) {
    const float sink = inputs.as<float>("sink", slot)[head];
    largest = std::max(largest, sink);
    total = std::exp(sink - largest);
  }
  for (float& weight : x) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  for (std::int64_t j = 0; j < seen.size(); ++j) {
    const std::byte* v = values.row(sequence, seen.first + j, head / a.group());
    const float factor = x[static_cast<std::size_t>(j)] / total *
                         values.scale(sequence, seen.first + j, head / a.group());
    for (std::int64_t d = 0; d < a.v_head_dim; ++d)
      o[static_cast<std::size_t>(d)] += factor * element(a.kv_dtype, v, d);
  }
}

void softmax(const Attention& a, const Inputs& inputs, std::size_t slot,
             std::span<std::byte* const> outputs, int threads) {
  const std::int64_t rows = a.batch * a.q_len * a.q_heads;
  on_team(threads, [&](int thread, int team) {
    std::vector<float> x, o(static_cast<std::size_t>(a.v_head_dim));
    x.reserve(static_cast<std::size_t>(most_keys_of_a_query(a)));
    for (std::int64_t row = rows * thread / team; row < rows * (thread + 1) / team; ++row) {
      softmax_row(a, inputs, slot, row, x, o);
      for (std::int64_t d = 0; d < a.v_head_dim; ++d)
        store(a.dtype, outputs[0], row * a.v_head_dim + d, double{o[static_cast<std::size_t>(d)]});
    }
  });
}

std::size_t softmax_bytes(const Attention& a, int threads) {
  return scratch_of_threads<float>(threads, a.batch * a.q_len * a.q_heads,
                                   most_keys_of_a_query(a) + a.v_head_dim);
}

/// Of one head of one sequence, in place of its state.
void linear_head(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t sequence,
                 std::int64_t head, std::byte* o, float* state) {
  const auto size = static_cast<std::int64_t>(size_of(a.dtype));
  const auto faded = static_cast<float>(decay(inputs.as<float>("slope", slot)[head], 1));
  std::vector<float> v(static_cast<std::size_t>(a.v_head_dim)), sum(v.size());
  for (std::int64_t t = 0; t < a.q_len; ++t) {
    const std::int64_t row = (sequence * a.q_len + t) * a.q_heads + head;
    const std::byte* q = inputs.data("q", slot) + row * a.head_dim * size;
    const std::byte* k = inputs.data("k", slot) + row * a.head_dim * size;
    for (std::int64_t c = 0; c < a.v_head_dim; ++c)
      v[static_cast<std::size_t>(c)] =
          element(a.dtype, inputs.data("v", slot) + row * a.v_head_dim * size, c);
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (std::int64_t d = 0; d < a.head_dim; ++d) {
      const float query = element(a.dtype, q, d), key = element(a.dtype, k, d);
      float* s = state + d * a.v_head_dim;
      for (std::size_t c = 0; c < v.size(); ++c) {
        s[c] = faded * s[c] + key * v[c];
        sum[c] += query * s[c];
      }
    }
    for (std::int64_t c = 0; c < a.v_head_dim; ++c)
      store(a.dtype, o, row * a.v_head_dim + c, double{sum[static_cast<std::size_t>(c)]});
  }
}

void linear(const Attention& a, const Inputs& inputs, std::size_t slot,
            std::span<std::byte* const> outputs, int threads) {
  const std::int64_t heads = a.batch * a.q_heads;
  auto* states = reinterpret_cast<float*>(outputs[1]);
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t i = heads * thread / team; i < heads * (thread + 1) / team; ++i)
      linear_head(a, inputs, slot, i / a.q_heads, i % a.q_heads, outputs[0],
                  states + i * a.head_dim * a.v_head_dim);
  });
}

std::size_t linear_bytes(const Attention& a, int threads) {
  return scratch_of_threads<float>(threads, a.batch * a.q_heads, 2 * a.v_head_dim);
}

}  // namespace

Implementations make_attention_naive(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "attention";
  info.backend = info.name = "naive";
  info.device_kind = "cpu";
  info.about =
      "a query at a time: logits, softmax, sum of values; linear: the recurrence; "
      "scalar; " ERGON_NAIVE_FLAGS;
  Implementations list;
  list.push_back(
      make_attention_loops(std::move(info), {.softmax = {softmax, softmax_bytes},
                                             .mla = latent_loops::mla_loop<float>(),
                                             .sparse = latent_loops::sparse_loop<float>(),
                                             .linear = {linear, linear_bytes}}));
  return list;
}

}  // namespace ergon
