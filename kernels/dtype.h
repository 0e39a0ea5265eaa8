// Element types and the conversions between them.
//
// Conversions round to nearest, ties to even; bf16 and f16 keep denormals, infinities and NaN.
// Integers saturate on store. Nothing here knows layouts or devices.
// Formats: bf16 is the upper half of an IEEE binary32; f16 is IEEE binary16.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ergon {

enum class DType : std::uint8_t { f64, f32, bf16, f16, s32, s8, u8 };

inline constexpr std::array all_dtypes = {DType::f64, DType::f32, DType::bf16, DType::f16,
                                          DType::s32, DType::s8,  DType::u8};

struct DTypeInfo {
  std::string_view name;
  std::size_t bytes;
  bool is_float;
  /// Distance from 1 to the next larger number; 0 for integers.
  double epsilon;
};

const DTypeInfo& info(DType dtype) noexcept;
inline std::string_view name(DType dtype) noexcept { return info(dtype).name; }
inline std::size_t size_of(DType dtype) noexcept { return info(dtype).bytes; }
std::optional<DType> dtype_from_name(std::string_view name) noexcept;

// Inline where they stand in inner loops.
inline float from_bf16(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
inline std::uint16_t to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}
inline float from_f16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16, rest = bits & 0x7fffU;
  if (rest < 0x0400U) {  // zero or denormal: a multiple of 2^-24
    const float value = static_cast<float>(rest) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t exponent_shift = rest >= 0x7c00U ? 0x70000000U : 0x38000000U;
  return std::bit_cast<float>(sign | ((rest << 13) + exponent_shift));
}
std::uint16_t to_f16(float value) noexcept;

/// Element `index` of a dense array, widened to double (exact for every type here).
double load(DType dtype, const void* array, std::int64_t index) noexcept;
/// Elements first, first + stride, ... widened to double.
void widen(DType dtype, const void* array, std::int64_t first, std::int64_t stride,
           std::int64_t count, double* out) noexcept;
/// Rounds (floats) or rounds and saturates (integers; NaN to 0) `value` into element `index`, once.
void store(DType dtype, void* array, std::int64_t index, double value) noexcept;

}  // namespace ergon
