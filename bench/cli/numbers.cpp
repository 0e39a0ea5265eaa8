#include "bench/cli/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace ergon::cli {
namespace {

/// Nothing for what is no finite decimal number from end to end.
std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

CLI::Validator positive_number(double most) {
  return {[most](const std::string& text) -> std::string {
            const auto value = number_of(text);
            if (value && *value > 0 && *value <= most) return {};
            return fmt::format("'{}' is no number above 0 and up to {:g}", text, most);
          },
          "above 0"};
}

CLI::Validator number_between(double low, double high) {
  return {[low, high](const std::string& text) -> std::string {
            const auto value = number_of(text);
            if (value && *value >= low && *value <= high) return {};
            return fmt::format("'{}' is no number from {:g} to {:g}", text, low, high);
          },
          fmt::format("{:g} to {:g}", low, high)};
}

}  // namespace ergon::cli
