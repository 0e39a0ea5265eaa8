// The Io of fields.h that builds JSON. Internal to this folder.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/record/fields.h"
#include "bench/record/json.h"

namespace ergon::record {

inline constexpr const char* reason_not_a_number = "not a number";
inline constexpr const char* reason_infinite = "infinite";
inline constexpr const char* reason_no_meter = "no meter works here";

class Writer {
 public:
  template <class T>
  using Of = const T;

  explicit Writer(Json& object) : object_(object) { object_ = Json::object(); }

  template <class T>
  void operator()(std::string_view name, const T& value) {
    if constexpr (std::same_as<T, std::string>)
      if (value.empty()) throw std::logic_error("the record's " + std::string(name) + " is empty");
    put(name, json_of(value));
  }
  template <class T>
  void optional(std::string_view name, const T& value) {
    if (value != T{}) put(name, json_of(value));
  }
  template <class T>
  void optional(std::string_view name, const std::optional<T>& value) {
    if (value) put(name, json_of(*value));
  }
  void constant(std::string_view name, std::string_view value) { put(name, std::string(value)); }
  void number(std::string_view name, double value) {
    if (std::isfinite(value)) return put(name, value);
    put(name, absent(std::isnan(value) ? reason_not_a_number : reason_infinite));
  }
  void number(std::string_view name, const std::optional<double>& value) {
    if (value) number(name, *value);
  }
  template <class Inside>
  void object(std::string_view name, Inside inside) {
    Json json;
    Writer writer(json);
    inside(writer);
    put(name, std::move(json));
  }
  template <class Inside>
  void object_unless_empty(std::string_view name, const std::string& decides, Inside inside) {
    if (!decides.empty()) object(name, inside);
  }
  void meters(std::string_view name, const std::vector<Meter>& meters,
              const std::vector<UnavailableMeter>& unavailable);

  static Json json_of(bool value) { return value; }
  static Json json_of(int value) { return value; }
  static Json json_of(std::int64_t value) { return value; }
  static Json json_of(std::uint64_t value) { return value; }
  static Json json_of(double value) {
    if (!std::isfinite(value)) throw std::logic_error("a number of the record is not finite");
    return value;
  }
  static Json json_of(const std::string& value) { return value; }
  static Json json_of(const Interval& value) {
    return Json::array({json_of(value.low), json_of(value.high)});
  }
  static Json json_of(const Value& value) {
    return std::visit([](const auto& v) { return json_of(v); }, value);
  }
  static Json json_of(const Fields& value) { return members(value); }
  static Json json_of(const std::map<std::string, std::string>& value) { return members(value); }
  template <class T>
  static Json json_of(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push_back(json_of(value));
    return array;
  }
  template <class T>
  static Json json_of(const Maybe<T>& value) {
    return value ? json_of(*value) : absent(value.reason());
  }
  template <class T>
  requires requires(Writer& writer, const T& value) { fields(writer, value); }
  static Json json_of(const T& value) {
    Json json;
    Writer writer(json);
    fields(writer, value);
    return json;
  }

 private:
  static Json absent(const std::string& reason) {
    return {{"absent", reason.empty() ? "no reason was given" : reason}};
  }
  template <class Pairs>
  static Json members(const Pairs& pairs) {
    Json json = Json::object();
    for (const auto& [name, value] : pairs) json[name] = json_of(value);
    return json;
  }
  void put(std::string_view name, Json value) {
    object_.emplace(std::string(name), std::move(value));
  }
  Json& object_;
};

}  // namespace ergon::record
