#include "bench/record/parse.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "bench/base/error.h"
#include "bench/record/reader.h"

namespace ergon::record {
namespace {

int line_at(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

/// What the parser has passed so far.
struct Position {
  int lines = 1;
  bool just_after_newline = false;
  /// The parser looks one character past a number.
  int line() const { return just_after_newline ? lines - 1 : lines; }
};

/// Characters of a text that count their lines as they are read.
class Counting {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  Counting(const char* at, Position* position) : at_(at), position_(position) {}
  const char& operator*() const { return *at_; }
  Counting& operator++() {
    position_->just_after_newline = *at_ == '\n';
    if (position_->just_after_newline) ++position_->lines;
    ++at_;
    return *this;
  }
  Counting operator++(int) {
    Counting before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Counting& a, const Counting& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  Position* position_;
};

/// Follows the parser and remembers what it may not do; builds nothing.
class Guard : public nlohmann::json_sax<Json> {
 public:
  explicit Guard(const Position& position) : position_(position) {}
  std::string problem;
  std::optional<std::size_t> problem_offset;
  int problem_line = 0;

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!names_.back().insert(name).second) return refuse("the name '" + name + "' appears twice");
    if (names_.back().size() > most_members) return refuse("too many names in one object");
    return true;
  }
  bool parse_error(std::size_t offset, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string text = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    const auto colon = text.find(": ");
    problem = "not JSON: " + (colon == std::string::npos ? text : text.substr(colon + 2));
    problem_offset = offset == 0 ? 0 : offset - 1;
    return false;
  }

 private:
  bool refuse(std::string why) {
    problem = std::move(why);
    problem_line = position_.line();
    return false;
  }
  bool value() { return ++values_ <= most_values || refuse("too many values for one record"); }
  bool open() {
    if (names_.size() >= deepest_nesting)
      return refuse("nested deeper than " + std::to_string(deepest_nesting) + " levels");
    names_.emplace_back();
    return value();
  }
  bool close() {
    names_.pop_back();
    return true;
  }
  const Position& position_;
  std::vector<std::set<std::string>> names_;  // of the objects (and arrays) now open
  std::size_t values_ = 0;
};

/// Stops at the value that a pointer names.
class Locator : public nlohmann::json_sax<Json> {
 public:
  Locator(std::string pointer, const Position& position)
      : wanted_(std::move(pointer)), position_(position) {}
  int line = 0;

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    open_.back().name = name;
    return !found();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Open {
    bool is_array;
    std::string name;
    std::size_t index;
  };
  // Compares from the innermost level outwards, so that most places cost one comparison.
  bool found() {
    std::string_view rest = wanted_;
    for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
      const std::string last = "/" + (it->is_array ? std::to_string(it->index) : escaped(it->name));
      if (!rest.ends_with(last)) return false;
      rest.remove_suffix(last.size());
    }
    if (!rest.empty()) return false;
    line = position_.line();
    return true;
  }
  bool value() {
    if (!open_.empty() && open_.back().is_array && found()) return false;
    next();
    return true;
  }
  bool open(bool is_array) {
    if ((open_.empty() || open_.back().is_array) && found()) return false;
    open_.push_back({is_array, {}, 0});
    return true;
  }
  bool close() {
    open_.pop_back();
    next();
    return true;
  }
  void next() {
    if (!open_.empty()) ++open_.back().index;
  }
  std::string wanted_;
  const Position& position_;
  std::vector<Open> open_;
};

bool walk(std::string_view text, Position& position, nlohmann::json_sax<Json>& sax) {
  return Json::sax_parse(Counting(text.data(), &position),
                         Counting(text.data() + text.size(), &position), &sax);
}

}  // namespace

Json parse(std::string_view text, const std::string& file, int first_line) {
  // The parser's messages quote what it read last, however long that is.
  const auto fail = [&](int line, const std::string& what) {
    constexpr std::size_t enough = 200;
    throw UserError({file, first_line + line - 1, ""},
                    what.size() <= enough ? what : what.substr(0, enough) + "...");
  };
  // The parser takes a NUL for the end of its input.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    fail(line_at(text, nul), "a NUL byte: this is not a text file");
  Position position;
  Guard guard(position);
  if (!walk(text, position, guard))
    fail(guard.problem_offset ? line_at(text, *guard.problem_offset) : guard.problem_line,
         guard.problem);
  return Json::parse(text);
}

int line_of(std::string_view text, const std::string& pointer) {
  Position position;
  Locator locator(pointer, position);
  walk(text, position, locator);
  return locator.line;
}

}  // namespace ergon::record
