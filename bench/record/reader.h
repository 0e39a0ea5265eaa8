// The Io of fields.h that takes JSON apart, strictly: every name known, every type right.
// Internal to this folder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/record/fields.h"
#include "bench/record/json.h"

namespace ergon::record {

/// A name as a part of a JSON pointer: ~ and / escaped.
std::string escaped(std::string_view name);

/// Where a value stands in its document; lives on the stack of the reading functions.
struct Path {
  const Path* parent = nullptr;
  std::string_view name = {};
  std::size_t index = 0;
  /// As a JSON pointer (RFC 6901): "/rows/3/time"; empty for the document itself.
  std::string pointer() const;
};

/// A value that does not fit, and where.
struct Misfit : std::runtime_error {
  Misfit(const Path& path, const std::string& message)
      : std::runtime_error(message), pointer(path.pointer()) {}
  std::string pointer;
};

[[noreturn]] void expected(std::string_view what, const Json& found, const Path& path);

class Reader {
 public:
  template <class T>
  using Of = T;

  /// Throws Misfit where `json` is no object.
  Reader(const Json& json, const Path& path) : object_(json), path_(path) {
    if (!json.is_object()) expected("an object", json, path);
  }
  /// Throws Misfit for the first name that nobody asked for.
  void finish() const;

  template <class T>
  void operator()(std::string_view name, T& value) {
    const Json* json = find(name);
    const Path here{&path_, name};
    if (!json) throw Misfit(here, "missing");
    take(*json, value, here);
    if constexpr (std::same_as<T, std::string>)
      if (value.empty()) throw Misfit(here, "empty");
  }
  template <class T>
  void optional(std::string_view name, T& value) {
    if (const Json* json = find(name)) take(*json, value, {&path_, name});
  }
  template <class T>
  void optional(std::string_view name, std::optional<T>& value) {
    const Json* json = find(name);
    if (!json) return;
    T content{};
    take(*json, content, {&path_, name});
    value = std::move(content);
  }
  void constant(std::string_view name, std::string_view value);
  void number(std::string_view name, double& value);
  void number(std::string_view name, std::optional<double>& value) {
    if (find(name)) number(name, value.emplace());
  }
  template <class Inside>
  void object(std::string_view name, Inside inside) {
    const Json* json = find(name);
    const Path here{&path_, name};
    if (!json) throw Misfit(here, "missing");
    Reader reader(*json, here);
    inside(reader);
    reader.finish();
  }
  template <class Inside>
  void object_unless_empty(std::string_view name, const std::string& /*decides*/, Inside inside) {
    if (find(name)) object(name, inside);
  }
  void meters(std::string_view name, std::vector<Meter>& meters,
              std::vector<UnavailableMeter>& unavailable);

  static void take(const Json& json, bool& value, const Path& path);
  static void take(const Json& json, int& value, const Path& path);
  static void take(const Json& json, std::int64_t& value, const Path& path);
  static void take(const Json& json, std::uint64_t& value, const Path& path);
  static void take(const Json& json, double& value, const Path& path);
  static void take(const Json& json, std::string& value, const Path& path);
  static void take(const Json& json, Interval& value, const Path& path);
  static void take(const Json& json, Value& value, const Path& path);
  static void take(const Json& json, Fields& value, const Path& path);
  static void take(const Json& json, std::map<std::string, std::string>& value, const Path& path);
  template <class T>
  static void take(const Json& json, std::vector<T>& values, const Path& path) {
    if (!json.is_array()) expected("an array", json, path);
    values.clear();
    values.reserve(json.size());
    for (const Json& item : json) {
      const Path here{&path, {}, values.size()};
      take(item, values.emplace_back(), here);
    }
  }
  template <class T>
  static void take(const Json& json, Maybe<T>& value, const Path& path) {
    if (json.is_object() && json.contains("absent")) {
      value = take_absent(json, path);
      return;
    }
    T content{};
    take(json, content, path);
    value = std::move(content);
  }
  template <class T>
  requires requires(Reader& reader, T& value) { fields(reader, value); }
  static void take(const Json& json, T& value, const Path& path) {
    Reader reader(json, path);
    fields(reader, value);
    reader.finish();
  }

 private:
  static Absent take_absent(const Json& json, const Path& path);
  const Json* find(std::string_view name);
  const Json& object_;
  const Path& path_;
  std::vector<std::string_view> known_;
};

}  // namespace ergon::record
