// Power or energy in what a program prints: "Instantaneous power reading:   220 Watts",
// {"apower":12.3}, "1.5 kWh".
//
// Numbers are decimal with a point, with or without sign and exponent. A number inside a word
// ("PSU1"), after another number's comma ("1,234") or at the end of a range ("200-300") is none:
// what it means cannot be known. Units are written as in SI, or in words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/base/maybe.h"
#include "bench/meters/meter.h"

namespace ergon {

struct Unit {
  std::string_view name;
  Quantity quantity;
  double si = 1;  // watts or joules
};

/// "W", "mW", "kWh", "Watts"; case counts.
std::optional<Unit> unit_from_name(std::string_view text) noexcept;
/// "uW, mW, W, ...": for messages.
std::string known_units();

/// A regular expression (ECMAScript without back-references) whose first group is a number. Its
/// time does not explode with the text, whatever the expression.
class Pattern {
 public:
  /// Absent where it is no regular expression, or has no group.
  static Maybe<Pattern> compile(const std::string& expression);
  struct Found {
    std::string_view group;
    std::string_view after;  // the text behind the group
  };
  std::optional<Found> find(std::string_view text) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

struct Printed {
  double value = 0;  // watts or joules
  Quantity quantity = Quantity::watts;
  double resolution = 0;  // of the last digit, in the same unit
};

/// With a pattern: what its first group holds, in the unit behind the number, else in `unit`.
/// Without: the first number with a unit behind it, else, where `unit` is given, the first number.
/// Absent with the reason where there is none. Only the first 64 KiB are looked at.
Maybe<Printed> find_printed(std::string_view text, const Pattern* pattern,
                            const std::optional<Unit>& unit);

/// Printable ASCII, the rest as '?', shortened: for reasons.
std::string excerpt(std::string_view text, std::size_t most = 60);

}  // namespace ergon
