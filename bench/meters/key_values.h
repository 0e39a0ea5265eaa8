// Values of `key=value` words, for the meters that take such.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace ergon {

/// A finite decimal number that fills `text`.
inline std::optional<double> number_from(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Where `low` <= number <= `high`; else what is wrong is left in `fault`.
inline double number_within(std::string_view key, std::string_view text, double low, double high,
                            std::string& fault) {
  const auto number = number_from(text);
  if (number && *number >= low && *number <= high) return *number;
  fault = fmt::format("{}={} is no number from {:g} to {:g}", key, text, low, high);
  return low;
}

}  // namespace ergon
