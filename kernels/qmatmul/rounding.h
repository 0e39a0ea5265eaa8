// What quantizing is made of: largest values, codes of them, and numbers at places without
// alignment. For sources that are compiled without fused multiply-adds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ergon {

inline float largest_magnitude(const float* values, std::int64_t count) {
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(values[i]));
  return largest;
}

/// The first value of the largest magnitude.
inline float first_extreme(const float* values, std::int64_t count) {
  return *std::max_element(values, values + count,
                           [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

/// Rounded to nearest even, and within [low, high]; NaN (0 / 0 of an empty group) gives low.
inline int rounded(float value, int low, int high) {
  // Added and taken away, this leaves whole numbers: floats that large have no fraction.
  constexpr float no_fraction = 0x1.8p23F;
  const float above = value > static_cast<float>(low) ? value : static_cast<float>(low);
  const float within = above < static_cast<float>(high) ? above : static_cast<float>(high);
  return static_cast<int>((within + no_fraction) - no_fraction);
}

template <class T>
T read(const std::byte* from, std::int64_t index) {
  T value;
  std::memcpy(&value, from + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}
template <class T>
void write(std::byte* to, std::int64_t index, T value) {
  std::memcpy(to + index * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
}

}  // namespace ergon
