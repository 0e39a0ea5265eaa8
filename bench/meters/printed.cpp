#include "bench/meters/printed.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <regex>

#include <fmt/format.h>

namespace ergon {
namespace {

constexpr double joules_per_watt_hour = 3600;
constexpr std::size_t most_characters = 1 << 16;

constexpr std::array units = {Unit{"uW", Quantity::watts, 1e-6},
                              Unit{"mW", Quantity::watts, 1e-3},
                              Unit{"W", Quantity::watts, 1},
                              Unit{"kW", Quantity::watts, 1e3},
                              Unit{"uJ", Quantity::cumulative_joules, 1e-6},
                              Unit{"mJ", Quantity::cumulative_joules, 1e-3},
                              Unit{"J", Quantity::cumulative_joules, 1},
                              Unit{"kJ", Quantity::cumulative_joules, 1e3},
                              Unit{"mWh", Quantity::cumulative_joules, 1e-3 * joules_per_watt_hour},
                              Unit{"Wh", Quantity::cumulative_joules, joules_per_watt_hour},
                              Unit{"kWh", Quantity::cumulative_joules, 1e3 * joules_per_watt_hour},
                              Unit{"Watts", Quantity::watts, 1},
                              Unit{"watts", Quantity::watts, 1},
                              Unit{"Watt", Quantity::watts, 1},
                              Unit{"watt", Quantity::watts, 1},
                              Unit{"Joules", Quantity::cumulative_joules, 1},
                              Unit{"joules", Quantity::cumulative_joules, 1}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

struct Number {
  double value = 0;
  double resolution = 0;
  std::size_t end = 0;
};

/// True where a number may begin at `at`: nothing before it makes it a part of something else.
bool may_begin(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (is_digit(before) || is_letter(before) || before == '.') return false;
  if (at == 1) return true;
  const char ahead = text[at - 2];
  if (before == '-' || before == '+') return !is_digit(ahead) && !is_letter(ahead);
  return (before != ',' && before != ':') || !is_digit(ahead);
}

/// Digits of the fraction of what from_chars read.
int decimals(std::string_view number) {
  const auto point = number.find('.');
  const auto exponent = number.find_first_of("eE");
  int places = 0;
  if (point != std::string_view::npos)
    places = static_cast<int>(std::min(exponent, number.size()) - point - 1);
  if (exponent != std::string_view::npos) {
    auto digits = number.substr(exponent + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int power = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), power);
    places -= power;
  }
  return places;
}

/// Digits, a comma and a digit from `at` on: what number_at() takes for no number.
bool has_comma(std::string_view text, std::size_t at) {
  if (!is_digit(text[at]) || !may_begin(text, at)) return false;
  while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) ++at;
  return at + 1 < text.size() && text[at] == ',' && is_digit(text[at + 1]);
}

std::optional<Number> number_at(std::string_view text, std::size_t at) {
  const bool sign = text[at] == '-' || text[at] == '+';
  const std::size_t first = sign ? at + 1 : at;
  if (first >= text.size() || !is_digit(text[first]) || !may_begin(text, at)) return std::nullopt;
  Number number;
  const char* begin = text.data() + first;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number.value);
  if (error != std::errc{} || !std::isfinite(number.value)) return std::nullopt;
  number.resolution = std::pow(10.0, -decimals({begin, static_cast<std::size_t>(end - begin)}));
  if (!std::isfinite(number.resolution)) return std::nullopt;
  if (text[at] == '-') number.value = -number.value;
  number.end = static_cast<std::size_t>(end - text.data());
  // A second point, comma or colon within it: a version, a thousand or a time.
  const auto follows = [&](std::size_t i) { return i < text.size() ? text[i] : ' '; };
  const char next = follows(number.end);
  if ((next == ',' || next == '.' || next == ':' || next == '-') &&
      is_digit(follows(number.end + 1)))
    return std::nullopt;
  return number;
}

std::optional<Unit> unit_behind(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  std::size_t end = at;
  while (end < text.size() && (is_letter(text[end]) || is_digit(text[end]))) ++end;
  return unit_from_name(text.substr(at, end - at));
}

Maybe<Printed> in_unit(const Number& number, const Unit& unit) {
  const Printed printed{number.value * unit.si, unit.quantity, number.resolution * unit.si};
  if (!std::isfinite(printed.value) || !std::isfinite(printed.resolution))
    return Absent{"the number is too large"};
  return printed;
}

Maybe<Printed> of_group(const Pattern::Found& found, const std::optional<Unit>& unit) {
  std::string_view group = found.group;
  while (!group.empty() && (group.front() == ' ' || group.front() == '"')) group.remove_prefix(1);
  const auto number = group.empty() ? std::nullopt : number_at(group, 0);
  if (!number) return Absent{"match= captures '" + excerpt(found.group) + "', which is no number"};
  const std::string_view rest = group.substr(number->end);
  const auto beside = rest.find_first_not_of(" \t") == std::string_view::npos
                          ? unit_behind(found.after, 0)
                          : unit_behind(rest, 0);
  if (beside) return in_unit(*number, *beside);
  // Digits that the group cut off would make another number.
  const bool cut = rest.empty() && !found.after.empty() &&
                   (is_digit(found.after.front()) || is_letter(found.after.front()));
  if (cut) return Absent{"match= captures '" + excerpt(found.group) + "', a part of a number"};
  if (!unit) return Absent{"no unit behind '" + excerpt(found.group) + "'; say unit="};
  return in_unit(*number, *unit);
}

}  // namespace

std::optional<Unit> unit_from_name(std::string_view text) noexcept {
  for (const Unit& unit : units)
    if (unit.name == text) return unit;
  return std::nullopt;
}

std::string known_units() {
  std::string out;
  for (const Unit& unit : units) out += (out.empty() ? "" : ", ") + std::string(unit.name);
  return out;
}

struct Pattern::Compiled {
  std::regex regex;
};

Maybe<Pattern> Pattern::compile(const std::string& expression) {
  try {
    // The breadth-first matcher of libstdc++: the other one recurses once per character.
    auto compiled = std::make_shared<const Compiled>(Compiled{
        std::regex(expression, std::regex::ECMAScript | std::regex_constants::__polynomial)});
    if (compiled->regex.mark_count() == 0)
      return Absent{"'" + expression + "' has no group: put the number between ( and )"};
    Pattern pattern;
    pattern.compiled_ = std::move(compiled);
    return pattern;
  } catch (const std::regex_error& error) {
    return Absent{"'" + expression + "' is no regular expression: " + error.what()};
  }
}

std::optional<Pattern::Found> Pattern::find(std::string_view text) const {
  std::cmatch match;
  if (!std::regex_search(text.data(), text.data() + text.size(), match, compiled_->regex) ||
      !match[1].matched)
    return std::nullopt;
  const auto begin = static_cast<std::size_t>(match[1].first - text.data());
  const auto length = static_cast<std::size_t>(match[1].length());
  return Found{text.substr(begin, length), text.substr(begin + length)};
}

Maybe<Printed> find_printed(std::string_view text, const Pattern* pattern,
                            const std::optional<Unit>& unit) {
  text = text.substr(0, most_characters);
  if (pattern != nullptr) {
    const auto found = pattern->find(text);
    if (!found) return Absent{"match= finds nothing in '" + excerpt(text) + "'"};
    return of_group(*found, unit);
  }
  std::optional<Number> bare;
  bool comma = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) && text[at] != '-' && text[at] != '+') continue;
    const auto number = number_at(text, at);
    comma = comma || (!number && has_comma(text, at));
    if (!number) continue;
    if (const auto behind = unit_behind(text, number->end)) return in_unit(*number, *behind);
    const bool joined = number->end < text.size() && is_letter(text[number->end]);
    if (!bare && !joined) bare = number;
    at = number->end - 1;
  }
  if (bare && unit) return in_unit(*bare, *unit);
  if (bare) return Absent{"no number with a unit in '" + excerpt(text) + "'; say unit= or match="};
  if (comma)
    return Absent{"a comma in the number in '" + excerpt(text) +
                  "': of decimals or of thousands? Have it print a point (`env LC_ALL=C PROGRAM`)"};
  if (excerpt(text).empty()) return Absent{"nothing was printed"};
  return Absent{"no number in '" + excerpt(text) + "'"};
}

std::string excerpt(std::string_view text, std::size_t most) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  std::string out;
  for (const char c : text.substr(0, most))
    out += c == '\n' || c == '\t' ? ' ' : (c < ' ' || c > '~' ? '?' : c);
  return text.size() > most ? out + "..." : out;
}

}  // namespace ergon
