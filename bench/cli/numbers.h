// Checks of numeric options. CLI11's own let "nan" through and print limits of 309 digits.
#pragma once

#include <CLI/CLI.hpp>

namespace ergon::cli {

/// Eleven days.
inline constexpr double longest_budget_seconds = 1e6;

/// Above 0, finite, and at most `most`, which is beyond anything meant and safe to compute with.
CLI::Validator positive_number(double most = 1e12);

/// From `low` to `high`, both included.
CLI::Validator number_between(double low, double high);

/// "5%" or "0.05": above 0 and at most 100 %.
CLI::Validator percentage();
/// The same, and nothing at all: "0".
CLI::Validator percentage_or_none();
/// 0.05 of "5%" and of "0.05"; what percentage() lets through.
double share_of(const std::string& text);

}  // namespace ergon::cli
