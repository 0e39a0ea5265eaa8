// The obvious loops, scalar: a row of weights is decoded, then multiplied with every token. Integer
// formats sum products exactly within a group; all else is f32. Threads share outputs.
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/loop_plan.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

/// Tokens as they are multiplied: codes and scales, or floats.
struct Tokens {
  std::vector<std::int8_t> codes;  // [m, k]
  std::vector<float> scales;       // [m, groups]
  std::vector<float> floats;       // [m, k]
};

float element(const QMatmul& q, const std::byte* x, std::int64_t at) {
  return static_cast<float>(load(q.x_dtype(), x, at));
}

Tokens tokens_of(const QMatmul& q, const Inputs& inputs, std::size_t slot) {
  const std::byte* x = inputs.data("x", slot);
  const auto elements = static_cast<std::size_t>(q.m * q.k);
  Tokens tokens;
  if (q.format->activations == Activations::s8) {
    const auto* codes = reinterpret_cast<const std::int8_t*>(x);
    tokens.codes.assign(codes, codes + elements);
    const float* scales = inputs.as<float>("x_scale", slot);
    tokens.scales.assign(scales, scales + q.m);
    return tokens;
  }
  tokens.floats.resize(elements);
  for (std::size_t i = 0; i < elements; ++i)
    tokens.floats[i] = element(q, x, static_cast<std::int64_t>(i));
  const std::int64_t group = q.activation_group();
  if (group == 0) return tokens;
  const bool half = q.format->activations == Activations::s8_in_blocks;
  tokens.codes.resize(elements);
  for (std::size_t at = 0; at < elements; at += static_cast<std::size_t>(group))
    tokens.scales.push_back(
        quantize_activations(tokens.floats.data() + at, group, half, tokens.codes.data() + at));
  return tokens;
}

struct Row {
  std::vector<int> codes;  // less their zero point
  std::vector<float> values;
  std::vector<float> scales;
};

void decode(const QMatmul& q, const Weights& weights, std::int64_t j, Row& row) {
  for (std::int64_t p = 0; p < q.k; ++p) {
    const std::int64_t group = p / q.layout.group;
    const auto at = static_cast<std::size_t>(p);
    row.codes[at] = code_at(q.layout, weights, j, p) - zero_at(q.layout, weights, j, group);
    row.values[at] = value_of(q.format->code, row.codes[at]);
  }
  for (std::int64_t g = 0; g < q.layout.groups(); ++g)
    row.scales[static_cast<std::size_t>(g)] = scale_at(q.layout, weights, j, g);
}

float product(const QMatmul& q, const Tokens& tokens, std::int64_t i, const Row& row) {
  const std::int64_t k = q.k, group = q.layout.group, groups = q.layout.groups();
  float total = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t end = g == groups - 1 ? k : (g + 1) * group;
    const float scale = row.scales[static_cast<std::size_t>(g)];
    if (tokens.codes.empty()) {
      const float* x = tokens.floats.data() + i * k;
      float sum = 0;
      for (std::int64_t p = g * group; p < end; ++p)
        sum += x[p] * row.values[static_cast<std::size_t>(p)];
      total += scale * sum;
    } else {
      const std::int8_t* x = tokens.codes.data() + i * k;
      int sum = 0;
      for (std::int64_t p = g * group; p < end; ++p)
        sum += x[p] * row.codes[static_cast<std::size_t>(p)];
      total += static_cast<float>(sum) *
               (scale * tokens.scales[static_cast<std::size_t>(i * groups + g)]);
    }
  }
  return total;
}

void run(const QMatmul& q, const Inputs& inputs, std::size_t slot, std::byte* y, int threads) {
  const Tokens tokens = tokens_of(q, inputs, slot);
  const Weights weights = weights_of(inputs, slot);
  const auto k = static_cast<std::size_t>(q.k);
  on_team(threads, [&](int thread, int team) {
    Row row{std::vector<int>(k), std::vector<float>(k),
            std::vector<float>(static_cast<std::size_t>(q.layout.groups()))};
    for (std::int64_t j = q.n * thread / team; j < q.n * (thread + 1) / team; ++j) {
      decode(q, weights, j, row);
      for (std::int64_t i = 0; i < q.m; ++i)
        store(q.output, y, i * q.n + j, double{product(q, tokens, i, row)});
    }
  });
}

}  // namespace

Implementations make_qmatmul_naive(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "qmatmul";
  info.backend = info.name = "naive";
  info.device_kind = "cpu";
  info.about = "loops over outputs, tokens and inputs, scalar; " ERGON_NAIVE_FLAGS;
  Implementations list;
  list.push_back(make_qmatmul_loop(std::move(info), run));
  return list;
}

}  // namespace ergon
