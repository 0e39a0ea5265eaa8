#include <cmath>

#include "bench/base/error.h"
#include "bench/record/reader.h"
#include "bench/record/writer.h"

namespace ergon::record {
namespace {

template <class Integer>
Integer integer(const Json& json, const Path& path) {
  if (!json.is_number_integer()) expected("an integer", json, path);
  const bool fits = json.is_number_unsigned() ? std::in_range<Integer>(json.get<std::uint64_t>())
                                              : std::in_range<Integer>(json.get<std::int64_t>());
  if (!fits) throw Misfit(path, one_line(json) + " does not fit into an integer of this field");
  return json.get<Integer>();
}

}  // namespace

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string Path::pointer() const {
  if (!parent) return {};
  return parent->pointer() + "/" + (name.data() ? escaped(name) : std::to_string(index));
}

void expected(std::string_view what, const Json& found, const Path& path) {
  throw Misfit(
      path, "expected " + std::string(what) + ", found " +
                (found.is_null() ? "null" : "a value of type " + std::string(found.type_name())));
}

const Json* Reader::find(std::string_view name) {
  known_.push_back(name);
  const auto it = object_.find(std::string(name));
  return it == object_.end() ? nullptr : &*it;
}

void Reader::finish() const {
  for (auto it = object_.begin(); it != object_.end(); ++it)
    if (std::find(known_.begin(), known_.end(), it.key()) == known_.end())
      throw Misfit({&path_, it.key()}, "unknown name");
}

void Reader::constant(std::string_view name, std::string_view value) {
  std::string found;
  (*this)(name, found);
  if (found != value)
    throw Misfit({&path_, name},
                 "'" + found + "' is not '" + std::string(value) + "', which this program reads");
}

void Reader::number(std::string_view name, double& value) {
  Maybe<double> found;
  (*this)(name, found);
  if (found) {
    value = *found;
  } else if (found.reason() == reason_not_a_number) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (found.reason() == reason_infinite) {
    value = std::numeric_limits<double>::infinity();
  } else {
    throw Misfit({&path_, name}, "may be absent only as 'not a number' or 'infinite'");
  }
}

void Reader::meters(std::string_view name, std::vector<Meter>& meters,
                    std::vector<UnavailableMeter>& unavailable) {
  const Json* json = find(name);
  const Path here{&path_, name};
  if (!json) throw Misfit(here, "missing");
  if (!json->is_array()) expected("an array", *json, here);
  std::size_t index = 0;
  for (const Json& item : *json) {
    const Path entry{&here, {}, index++};
    Reader reader(item, entry);
    std::vector<UnavailableMeter> some;
    std::string reason;
    reader.optional("unavailable", some);
    reader.optional("absent", reason);
    if (reason.empty()) fields(reader, meters.emplace_back());
    reader.finish();
    unavailable.insert(unavailable.end(), some.begin(), some.end());
  }
}

Absent Reader::take_absent(const Json& json, const Path& path) {
  Reader reader(json, path);
  Absent absent;
  reader("absent", absent.reason);
  reader.finish();
  return absent;
}

void Reader::take(const Json& json, bool& value, const Path& path) {
  if (!json.is_boolean()) expected("true or false", json, path);
  value = json.get<bool>();
}
void Reader::take(const Json& json, int& value, const Path& path) {
  value = integer<int>(json, path);
}
void Reader::take(const Json& json, std::int64_t& value, const Path& path) {
  value = integer<std::int64_t>(json, path);
}
void Reader::take(const Json& json, std::uint64_t& value, const Path& path) {
  value = integer<std::uint64_t>(json, path);
}
void Reader::take(const Json& json, double& value, const Path& path) {
  if (!json.is_number()) expected("a number", json, path);
  value = json.get<double>();
  if (!std::isfinite(value)) throw Misfit(path, "not a finite number");
}
void Reader::take(const Json& json, std::string& value, const Path& path) {
  if (!json.is_string()) expected("text", json, path);
  value = json.get<std::string>();
}
void Reader::take(const Json& json, Interval& value, const Path& path) {
  std::vector<double> ends;
  take(json, ends, path);
  if (ends.size() != 2) throw Misfit(path, "expected two numbers, low and high");
  value = {ends[0], ends[1]};
}
void Reader::take(const Json& json, Value& value, const Path& path) {
  if (json.is_boolean())
    value = json.get<bool>();
  else if (json.is_number_integer())
    value = integer<std::int64_t>(json, path);
  else if (json.is_number())
    take(json, value.emplace<double>(), path);
  else
    take(json, value.emplace<std::string>(), path);
}
void Reader::take(const Json& json, Fields& value, const Path& path) {
  if (!json.is_object()) expected("an object", json, path);
  value.clear();
  for (auto it = json.begin(); it != json.end(); ++it)
    take(*it, value.emplace_back(it.key(), Value{}).second, {&path, it.key()});
}
void Reader::take(const Json& json, std::map<std::string, std::string>& value, const Path& path) {
  if (!json.is_object()) expected("an object", json, path);
  value.clear();
  for (auto it = json.begin(); it != json.end(); ++it)
    take(*it, value[it.key()], {&path, it.key()});
}

Document from_json(const Json& json) {
  Document document;
  try {
    Reader::take(json, document, Path{});
  } catch (const Misfit& misfit) {
    throw UserError({"", 0, misfit.pointer}, misfit.what());
  }
  return document;
}

}  // namespace ergon::record
