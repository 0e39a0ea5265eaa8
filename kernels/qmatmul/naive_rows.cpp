#include "kernels/qmatmul/naive_rows.h"

namespace ergon {
namespace {

float element(const QMatmul& q, const std::byte* x, std::int64_t at) {
  return static_cast<float>(load(q.x_dtype(), x, at));
}

}  // namespace

NaiveTokens naive_tokens(const QMatmul& q, const Inputs& inputs, std::size_t slot) {
  const std::byte* x = inputs.data("x", slot);
  const auto elements = static_cast<std::size_t>(q.m * q.k);
  NaiveTokens tokens;
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
  tokens.codes.resize(elements);
  for (std::size_t at = 0; at < elements; at += static_cast<std::size_t>(group))
    tokens.scales.push_back(q.quantize_group(tokens.floats.data() + at, tokens.codes.data() + at));
  return tokens;
}

NaiveRow::NaiveRow(const QMatmul& q)
    : codes(static_cast<std::size_t>(q.k)),
      values(static_cast<std::size_t>(q.k)),
      scales(static_cast<std::size_t>(q.layout.groups())),
      minima(q.format->minima ? scales.size() : 0) {}

void NaiveRow::decode(const QMatmul& q, const Weights& weights, std::int64_t j) {
  for (std::int64_t p = 0; p < q.k; ++p) {
    const std::int64_t group = p / q.layout.group;
    const auto at = static_cast<std::size_t>(p);
    codes[at] = code_at(q.layout, weights, j, p) - zero_at(q.layout, weights, j, group);
    values[at] = value_of(q.format->code, codes[at]);
  }
  for (std::int64_t g = 0; g < q.layout.groups(); ++g)
    scales[static_cast<std::size_t>(g)] = scale_at(q.layout, weights, j, g);
  for (std::size_t g = 0; g < minima.size(); ++g)
    minima[g] = minimum_at(q.layout, weights, j, static_cast<std::int64_t>(g));
}

float NaiveRow::product(const QMatmul& q, const NaiveTokens& tokens, std::int64_t i) const {
  const std::int64_t k = q.k, group = q.layout.group, groups = q.layout.groups();
  // Of the activations; all of k where they come with a scale.
  const std::int64_t x_group = q.activation_group() == 0 ? k : q.activation_group();
  float total = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t end = g == groups - 1 ? k : (g + 1) * group;
    const float scale = scales[static_cast<std::size_t>(g)];
    if (tokens.codes.empty()) {
      const float* x = tokens.floats.data() + i * k;
      float sum = 0;
      for (std::int64_t p = g * group; p < end; ++p)
        sum += x[p] * values[static_cast<std::size_t>(p)];
      total += scale * sum;
    } else {
      const std::int8_t* x = tokens.codes.data() + i * k;
      int sum = 0;
      for (std::int64_t p = g * group; p < end; ++p)
        sum += x[p] * codes[static_cast<std::size_t>(p)];
      const float x_scale = tokens.scales[static_cast<std::size_t>((i * k + g * group) / x_group)];
      total += static_cast<float>(sum) * (scale * x_scale);
      if (minima.empty()) continue;
      int of_x = 0;
      for (std::int64_t p = g * group; p < end; ++p) of_x += x[p];
      total -= static_cast<float>(of_x) * (minima[static_cast<std::size_t>(g)] * x_scale);
    }
  }
  return total;
}

}  // namespace ergon
