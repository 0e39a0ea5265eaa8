#include "kernels/attention/draw.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/format.h"

namespace ergon {

void draw_dense(Inputs& inputs, const std::string& operand, std::uint64_t seed, double deviation) {
  const TensorDesc& desc = inputs.desc(operand);
  std::byte* data = inputs.data(operand, 0);
  constexpr std::int64_t part = 4096;
  const std::int64_t all = desc.elements(), parts = (all + part - 1) / part;
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> drawn(part);
    for (std::int64_t i = parts * thread / team; i < parts * (thread + 1) / team; ++i) {
      normal_values(seed, stream_of(operand), static_cast<std::uint64_t>(i * part), drawn);
      for (std::int64_t j = i * part; j < std::min(all, (i + 1) * part); ++j)
        store(desc.dtype, data, j,
              double{drawn[static_cast<std::size_t>(j - i * part)]} * deviation);
    }
  });
}

void draw_sinks(const Attention& a, Inputs& inputs, std::uint64_t seed) {
  draw_dense(inputs, "sink", seed);
  const double queries = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
  const int doublings = std::ilogb(std::max(1.0, a.pairs() / queries));
  auto* sinks = reinterpret_cast<float*>(inputs.data("sink", 0));
  // In steps of ln 2, the same on every processor.
  for (std::int64_t h = 0; h < a.q_heads; ++h)
    sinks[h] += static_cast<float>(doublings) * 0.6931472F;
}

void draw_table(const Attention& a, Inputs& inputs, std::uint64_t seed) {
  const std::int64_t pages = pages_of_a_sequence(a), all = pages_of_all(a);
  // Page 0 and one more hold no key.
  std::vector<std::int32_t> places(static_cast<std::size_t>(all - 1));
  std::iota(places.begin(), places.end(), 1);
  for (std::size_t i = places.size(); i > 1; --i)
    std::swap(places[i - 1], places[random_bits(seed, stream_of("block_table"), i) % i]);
  std::vector<std::int32_t> table(static_cast<std::size_t>(a.batch * pages), 0);
  std::size_t next = 0;
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t p = 0; p * a.page < a.length(b); ++p)
      table[static_cast<std::size_t>(b * pages + p)] = places[next++];
  std::memcpy(inputs.data("block_table", 0), table.data(), table.size() * sizeof table[0]);
}

void draw_rows(const Attention& a, Inputs& inputs, std::uint64_t seed, const std::string& operand,
               std::int64_t heads, std::int64_t width, const ChangeRow& change) {
  const KvRows rows(a, inputs, 0, operand, heads, width);
  std::byte* data = inputs.data(operand, 0);
  std::memset(data, std::to_integer<int>(poison_byte(rows.dtype())),
              inputs.desc(operand).span_bytes());
  float* scales = nullptr;
  if (rows.scaled()) {
    scales = reinterpret_cast<float*>(inputs.data(operand + "_scale", 0));
    std::fill_n(scales, inputs.desc(operand + "_scale").elements(),
                std::numeric_limits<float>::quiet_NaN());
  }
  on_team(usable_processors(), [&](int thread, int team) {
    std::vector<float> drawn(static_cast<std::size_t>(width));
    for (std::int64_t b = 0; b < a.batch; ++b) {
      const std::int64_t length = a.length(b);
      for (std::int64_t t = length * thread / team; t < length * (thread + 1) / team; ++t)
        for (std::int64_t h = 0; h < heads; ++h) {
          const std::int64_t line = (b * a.kv_len + t) * heads + h;
          normal_values(seed, stream_of(operand), static_cast<std::uint64_t>(line * width), drawn);
          if (change) change(b, t, h, drawn);
          std::byte* row = data + (rows.row(b, t, h) - data);
          if (scales != nullptr) {
            scales[(row - data) / width] = quantize_activations(
                drawn.data(), width, false, reinterpret_cast<std::int8_t*>(row));
          } else {
            for (std::int64_t i = 0; i < width; ++i)
              store(rows.dtype(), row, i, double{drawn[static_cast<std::size_t>(i)]});
          }
        }
    }
  });
}

std::int64_t query_at(const Attention& a, std::int64_t sequence, std::int64_t token) noexcept {
  return token - (a.length(sequence) - a.q_len);
}

void weigh_key(const Attention& a, std::int64_t keys, std::span<const double> q,
               std::span<float> key) {
  double squares = 0;
  for (const double each : q) squares += each * each;
  if (squares == 0) return;
  // In steps of ln 2, the same on every processor.
  const int doublings = std::ilogb(static_cast<double>(keys));
  const double factor = doublings * 0.6931472 / (a.scale * squares);
  for (std::size_t i = 0; i < q.size(); ++i) key[i] += static_cast<float>(factor * q[i]);
}

std::int64_t own_head(const Attention& a, std::int64_t query) noexcept {
  return a.q_heads - 1 - (a.q_len - 1 - query) % a.q_heads;
}

}  // namespace ergon
