#include "kernels/dtype.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace ergon {
namespace {

// In the enumeration's order.
constexpr std::array<DTypeInfo, all_dtypes.size()> infos = {{
    {"f64", 8, true, 0x1p-52},
    {"f32", 4, true, 0x1p-23},
    {"bf16", 2, true, 0x1p-7},
    {"f16", 2, true, 0x1p-10},
    {"s32", 4, false, 0},
    {"s8", 1, false, 0},
    {"u8", 1, false, 0},
}};

// Rounds to odd: truncates and marks inexactness in the last bit, so that a second rounding to at
// most 22 bits gives what one rounding would have given (Boldo and Melquiond 2008).
float to_float_odd(double value) noexcept {
  if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;
  return std::bit_cast<float>(bits | 1U);
}

template <class T>
T saturated(double value) noexcept {
  if (std::isnan(value)) return 0;
  const double rounded = std::nearbyint(value);
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  if (rounded >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

template <class T>
void put(void* array, std::int64_t index, T value) noexcept {
  std::memcpy(static_cast<std::byte*>(array) + index * static_cast<std::int64_t>(sizeof(T)), &value,
              sizeof(T));
}

template <class T, class Convert>
void widen_as(const void* array, std::int64_t first, std::int64_t stride, std::int64_t count,
              double* out, Convert convert) noexcept {
  const T* from = static_cast<const T*>(array) + first;
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = convert(from[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i] = convert(from[i * stride]);
  }
}

constexpr auto as_double = [](auto value) { return static_cast<double>(value); };

}  // namespace

const DTypeInfo& info(DType dtype) noexcept { return infos[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  for (const DType dtype : all_dtypes)
    if (info(dtype).name == name) return dtype;
  return std::nullopt;
}

std::uint16_t to_f16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U, rest = bits & 0x7fffffffU;
  if (rest > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);  // NaN
  if (rest >= 0x477ff000U)
    return static_cast<std::uint16_t>(sign | 0x7c00U);  // from 65520: infinity
  if (rest < 0x38800000U) {  // below 2^-14: a multiple of 2^-24, which may round up to 2^-14
    const float scaled = std::bit_cast<float>(rest) * 0x1p24F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = rest + 0x0fffU + ((rest >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

double load(DType dtype, const void* array, std::int64_t index) noexcept {
  double value = 0;
  widen(dtype, array, index, 1, 1, &value);
  return value;
}

void widen(DType dtype, const void* array, std::int64_t first, std::int64_t stride,
           std::int64_t count, double* out) noexcept {
  switch (dtype) {
    case DType::f64:
      return widen_as<double>(array, first, stride, count, out, as_double);
    case DType::f32:
      return widen_as<float>(array, first, stride, count, out, as_double);
    case DType::bf16:
      return widen_as<std::uint16_t>(array, first, stride, count, out, from_bf16);
    case DType::f16:
      return widen_as<std::uint16_t>(array, first, stride, count, out, from_f16);
    case DType::s32:
      return widen_as<std::int32_t>(array, first, stride, count, out, as_double);
    case DType::s8:
      return widen_as<std::int8_t>(array, first, stride, count, out, as_double);
    case DType::u8:
      return widen_as<std::uint8_t>(array, first, stride, count, out, as_double);
  }
}

void store(DType dtype, void* array, std::int64_t index, double value) noexcept {
  switch (dtype) {
    case DType::f64:
      return put(array, index, value);
    case DType::f32:
      return put(array, index, static_cast<float>(value));
    case DType::bf16:
      return put(array, index, to_bf16(to_float_odd(value)));
    case DType::f16:
      return put(array, index, to_f16(to_float_odd(value)));
    case DType::s32:
      return put(array, index, saturated<std::int32_t>(value));
    case DType::s8:
      return put(array, index, saturated<std::int8_t>(value));
    case DType::u8:
      return put(array, index, saturated<std::uint8_t>(value));
  }
}

}  // namespace ergon
