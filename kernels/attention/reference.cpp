// float64 throughout, rounded once to the output type.
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

/// One row of o, to `o`; keys and values row by row.
void softmax_row(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t row,
                 std::vector<double>& o) {
  const std::int64_t head = row % a.q_heads, sequence = row / a.q_heads / a.q_len;
  const KeyRange seen = a.keys(sequence, row / a.q_heads % a.q_len);
  std::fill(o.begin(), o.end(), 0.0);
  if (seen.size() == 0) return;
  const KvRows keys(a, inputs, slot, false), values(a, inputs, slot, true);
  std::vector<double> q(static_cast<std::size_t>(a.head_dim)), k(q.size()), v(o.size()), x;
  x.reserve(static_cast<std::size_t>(seen.size()));
  widen(a.dtype, inputs.data("q", slot), row * a.head_dim, 1, a.head_dim, q.data());
  for (std::int64_t j = seen.first; j < seen.end; ++j) {
    keys.widened(sequence, j, head / a.group(), k.data());
    double sum = 0;
    for (std::size_t d = 0; d < q.size(); ++d) sum += q[d] * k[d];
    sum *= a.scale;
    x.push_back(a.soft_cap > 0 ? a.soft_cap * std::tanh(sum / a.soft_cap) : sum);
  }
  double largest = *std::max_element(x.begin(), x.end()), total = 0;
  if (a.sinks) {
    const double sink = inputs.as<float>("sink", slot)[head];
    largest = std::max(largest, sink);
    total = std::exp(sink - largest);
  }
  for (std::int64_t j = seen.first; j < seen.end; ++j) {
    const double weight = std::exp(x[static_cast<std::size_t>(j - seen.first)] - largest);
    total += weight;
    values.widened(sequence, j, head / a.group(), v.data());
    for (std::size_t d = 0; d < o.size(); ++d) o[d] += weight * v[d];
  }
  for (double& each : o) each /= total;
}

void softmax(const Attention& a, const Inputs& inputs, std::size_t slot,
             std::span<std::byte* const> outputs, int threads) {
  const std::int64_t rows = a.batch * a.q_len * a.q_heads;
  on_team(threads, [&](int thread, int team) {
    std::vector<double> o(static_cast<std::size_t>(a.v_head_dim));
    for (std::int64_t row = rows * thread / team; row < rows * (thread + 1) / team; ++row) {
      softmax_row(a, inputs, slot, row, o);
      for (std::int64_t d = 0; d < a.v_head_dim; ++d)
        store(a.dtype, outputs[0], row * a.v_head_dim + d, o[static_cast<std::size_t>(d)]);
    }
  });
}

std::size_t softmax_bytes(const Attention& a, int threads) {
  return scratch_of_threads<double>(threads, a.batch * a.q_len * a.q_heads,
                                    most_keys_of_a_query(a) + 2 * (a.head_dim + a.v_head_dim));
}

/// Token by token, of one head of one sequence, in place of its state.
void linear_head(const Attention& a, const Inputs& inputs, std::size_t slot, std::int64_t sequence,
                 std::int64_t head, std::byte* o, std::byte* state) {
  const std::int64_t elements = a.head_dim * a.v_head_dim,
                     first = (sequence * a.q_heads + head) * elements;
  std::vector<double> s(static_cast<std::size_t>(elements)),
      q(static_cast<std::size_t>(a.head_dim)), k(q.size()),
      v(static_cast<std::size_t>(a.v_head_dim)), sum(v.size());
  widen(DType::f32, state, first, 1, elements, s.data());
  const double faded = decay(inputs.as<float>("slope", slot)[head], 1);
  for (std::int64_t t = 0; t < a.q_len; ++t) {
    const std::int64_t row = (sequence * a.q_len + t) * a.q_heads + head;
    widen(a.dtype, inputs.data("q", slot), row * a.head_dim, 1, a.head_dim, q.data());
    widen(a.dtype, inputs.data("k", slot), row * a.head_dim, 1, a.head_dim, k.data());
    widen(a.dtype, inputs.data("v", slot), row * a.v_head_dim, 1, a.v_head_dim, v.data());
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::size_t d = 0; d < q.size(); ++d)
      for (std::size_t c = 0; c < v.size(); ++c) {
        double& element = s[d * v.size() + c];
        element = faded * element + k[d] * v[c];
        sum[c] += q[d] * element;
      }
    for (std::size_t c = 0; c < v.size(); ++c)
      store(a.dtype, o, row * a.v_head_dim + static_cast<std::int64_t>(c), sum[c]);
  }
  for (std::int64_t i = 0; i < elements; ++i)
    store(DType::f32, state, first + i, s[static_cast<std::size_t>(i)]);
}

void linear(const Attention& a, const Inputs& inputs, std::size_t slot,
            std::span<std::byte* const> outputs, int threads) {
  const std::int64_t heads = a.batch * a.q_heads;
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t i = heads * thread / team; i < heads * (thread + 1) / team; ++i)
      linear_head(a, inputs, slot, i / a.q_heads, i % a.q_heads, outputs[0], outputs[1]);
  });
}

std::size_t linear_bytes(const Attention& a, int threads) {
  return scratch_of_threads<double>(threads, a.batch * a.q_heads,
                                    a.head_dim * a.v_head_dim + 2 * (a.head_dim + a.v_head_dim));
}

}  // namespace

Implementations make_attention_reference(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "attention";
  info.backend = info.name = "reference";
  info.device_kind = "cpu";
  info.about = "float64 loops, rounded once to the output type";
  Implementations list;
  list.push_back(
      make_attention_loops(std::move(info), {.softmax = {softmax, softmax_bytes},
                                             .mla = latent_loops::mla_loop<double>(),
                                             .sparse = latent_loops::sparse_loop<double>(),
                                             .linear = {linear, linear_bytes}}));
  return list;
}

}  // namespace ergon
