// Element types and the conversions between them.
//
// Conversions round to nearest, ties to even; bf16 and f16 keep denormals, infinities and NaN.
// Integers saturate on store. Nothing here knows layouts or devices.
#pragma once

#include <array>
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

std::uint16_t to_bf16(float value) noexcept;
float from_bf16(std::uint16_t bits) noexcept;
std::uint16_t to_f16(float value) noexcept;
float from_f16(std::uint16_t bits) noexcept;

/// Element `index` of a dense array, widened to double (exact for every type here).
double load(DType dtype, const void* array, std::int64_t index) noexcept;
/// Rounds (floats) or rounds and saturates (integers) `value` into element `index`.
void store(DType dtype, void* array, std::int64_t index, double value) noexcept;

}  // namespace ergon
