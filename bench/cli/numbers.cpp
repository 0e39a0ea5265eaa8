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

/// Nothing for what is neither "5%" nor "0.05".
std::optional<double> share_in(std::string text) {
  const bool percent = text.ends_with('%');
  if (percent) text.pop_back();
  const auto value = number_of(text);
  if (!value) return std::nullopt;
  return percent ? *value / 100 : *value;
}

}  // namespace

CLI::Validator percentage() {
  return {[](const std::string& text) -> std::string {
            const auto share = share_in(text);
            if (share && *share > 0 && *share <= 1) return {};
            return fmt::format("'{}' is no share above 0 and up to 100 %, as in 5% or 0.05", text);
          },
          "5% or 0.05"};
}

CLI::Validator percentage_or_none() {
  return {[](const std::string& text) -> std::string {
            const auto share = share_in(text);
            if (share && *share >= 0 && *share <= 1) return {};
            return fmt::format("'{}' is no share from 0 to 100 %, as in 5% or 0.05", text);
          },
          "5% or 0.05"};
}

double share_of(const std::string& text) { return share_in(text).value(); }

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
