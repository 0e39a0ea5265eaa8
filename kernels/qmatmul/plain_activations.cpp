#include "kernels/qmatmul/plain_activations.h"

#include <algorithm>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

struct Bf16 {
  std::uint16_t bits;
};

float widened(Bf16 value) { return from_bf16(value.bits); }
float widened(std::int8_t value) { return value; }
float widened(float value) { return value; }

void put(float value, float& to) { to = value; }
void put(float value, Bf16& to) { to.bits = to_bf16(value); }

template <class From, class To>
void convert(const std::byte* x, float scale, std::int64_t count, std::byte* result) {
  const auto* __restrict from = reinterpret_cast<const From*>(x);
  auto* __restrict to = reinterpret_cast<To*>(result);
  for (std::int64_t i = 0; i < count; ++i) put(widened(from[i]) * scale, to[i]);
}

using Convert = void (*)(const std::byte*, float, std::int64_t, std::byte*);

template <class To>
Convert convert_to(DType x) {
  if (x == DType::s8) return convert<std::int8_t, To>;
  return x == DType::bf16 ? convert<Bf16, To> : convert<float, To>;
}

}  // namespace

void convert_activations(const QMatmul& workload, const Inputs& inputs, std::size_t slot,
                         DType type, int threads, std::byte* to) {
  const std::int64_t m = workload.m, k = workload.k;
  const auto from_row = k * static_cast<std::int64_t>(size_of(workload.x_dtype())),
             to_row = k * static_cast<std::int64_t>(size_of(type));
  const std::byte* x = inputs.data("x", slot);
  const bool scaled = workload.format->activations == Activations::s8;
  const float* scales = scaled ? inputs.as<float>("x_scale", slot) : nullptr;
  const Convert convert = type == DType::f32 ? convert_to<float>(workload.x_dtype())
                                             : convert_to<Bf16>(workload.x_dtype());
  on_team(static_cast<int>(std::min<std::int64_t>(threads, m)), [&](int thread, int team) {
    for (std::int64_t i = m * thread / team; i < m * (thread + 1) / team; ++i)
      convert(x + i * from_row, scaled ? scales[i] : 1, k, to + i * to_row);
  });
}

}  // namespace ergon
