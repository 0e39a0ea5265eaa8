#include "kernels/workload.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

namespace ergon {
namespace {

constexpr std::string_view type_names[] = {"an integer", "a number", "true or false", "text"};

// Levenshtein distance.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// A typing mistake changes at most a third of a name; anything further is another word.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known) {
  const auto best = std::min_element(
      known.begin(), known.end(), [&](auto a, auto b) { return edits(word, a) < edits(word, b); });
  if (best == known.end() || edits(word, *best) > std::max<std::size_t>(1, word.size() / 3))
    return std::nullopt;
  return *best;
}

[[noreturn]] void reject_unknown(const std::string& field, std::span<const FieldSpec> specs) {
  std::vector<std::string_view> known;
  for (const FieldSpec& spec : specs) known.push_back(spec.name);
  const auto close = nearest(field, known);
  throw InvalidField(field, "no such field; " + (close ? "did you mean " + std::string(*close) + "?"
                                                       : "the fields are " + listed(known)));
}

void check_integer(const FieldSpec& spec, std::int64_t value) {
  const std::string name(spec.name);
  if (value < spec.low)
    throw InvalidField(
        name, "must be at least " + std::to_string(spec.low) + ", not " + std::to_string(value));
  if (spec.high > spec.low && value > spec.high)
    throw InvalidField(
        name, "must be at most " + std::to_string(spec.high) + ", not " + std::to_string(value));
}

void check_choice(const FieldSpec& spec, const std::string& value) {
  if (spec.choices.empty()) return;
  if (std::find(spec.choices.begin(), spec.choices.end(), value) != spec.choices.end()) return;
  const auto close = nearest(value, spec.choices);
  throw InvalidField(std::string(spec.name),
                     "must be one of " + listed(spec.choices) + ", not \"" + value + "\"" +
                         (close ? "; did you mean " + std::string(*close) + "?" : ""));
}

FieldValue checked(const FieldSpec& spec, FieldValue value) {
  if (std::holds_alternative<double>(spec.fallback))
    if (const auto* integer = std::get_if<std::int64_t>(&value))
      value = static_cast<double>(*integer);
  if (value.index() != spec.fallback.index())
    throw InvalidField(std::string(spec.name),
                       "must be " + std::string(type_names[spec.fallback.index()]) + ", not " +
                           std::string(type_names[value.index()]) + " (" + to_text(value) + ")");
  if (const auto* integer = std::get_if<std::int64_t>(&value)) check_integer(spec, *integer);
  if (const auto* text = std::get_if<std::string>(&value)) check_choice(spec, *text);
  if (const auto* real = std::get_if<double>(&value); real != nullptr && !std::isfinite(*real))
    throw InvalidField(std::string(spec.name), "must be finite, not " + to_text(value));
  return value;
}

std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const std::string& value) { return value; }
std::string text_of(double value) {  // the shortest text that reads back as the same number
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value);
  return {std::begin(digits), end.ptr};
}

}  // namespace

std::string to_text(const FieldValue& value) {
  return std::visit([](const auto& alternative) { return text_of(alternative); }, value);
}

std::optional<std::string_view> Workload::memory_stream() const noexcept {
  constexpr double of_the_other_kind = 1.0 / 21;
  const double bytes = work().bytes, in_place = 2 * (bytes - distinct_bytes());
  if (in_place <= of_the_other_kind * bytes) return "read";
  if (bytes - in_place <= of_the_other_kind * bytes) return "update";
  return std::nullopt;
}

std::string Workload::name() const {
  std::string text(kernel());
  char separator = '/';
  for (const Field& field : fields()) {
    if (field.is_fallback || field.name == "dtype") continue;
    text += separator + std::string(field.name) + "=" + to_text(field.value);
    separator = ',';
  }
  return text;
}

TypeNames names(const DTypes& types) noexcept {
  return {name(types.inputs), name(types.weights), name(types.accumulate), name(types.output),
          name(types.weights)};
}

FieldMap complete(std::span<const FieldSpec> specs, const FieldMap& given) {
  for (const auto& [name, value] : given)
    if (std::none_of(specs.begin(), specs.end(),
                     [&n = name](auto& spec) { return spec.name == n; }))
      reject_unknown(name, specs);
  FieldMap all;
  for (const FieldSpec& spec : specs) {
    const auto found = given.find(spec.name);
    if (found != given.end())
      all.emplace(spec.name, checked(spec, found->second));
    else if (spec.required)
      throw InvalidField(std::string(spec.name), "is required");
    else
      all.emplace(spec.name, spec.fallback);
  }
  return all;
}

}  // namespace ergon
