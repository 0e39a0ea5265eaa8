#include "bench/measure/filter.h"

#include "bench/base/error.h"

namespace ergon::measure {
namespace {

constexpr std::size_t most_characters = 1000;

[[noreturn]] void refuse(const char* option, const std::string& why) {
  throw UserError({"command line", 0, option}, why);
}

std::regex::flag_type flags() {
  auto out = std::regex::ECMAScript | std::regex::nosubs;
#if defined(__GLIBCXX__)
  // Its default backtracks: some expressions then take longer than the universe has existed.
  out |= std::regex_constants::__polynomial;
#endif
  return out;
}

/// A short expression with counted repeats of counted repeats is an automaton of millions of
/// states.
bool counts_repeats(const std::string& expression) {
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] == '\\') {
      ++i;
    } else if (expression[i] == '{') {
      return true;
    }
  }
  return false;
}

std::regex compiled(const std::string& expression, const char* option) {
  if (expression.size() > most_characters)
    refuse(option, "has " + std::to_string(expression.size()) + " characters; " +
                       std::to_string(most_characters) + " are the most");
  if (counts_repeats(expression)) refuse(option, "counted repeats ('{') are not taken");
  try {
    return std::regex(expression, flags());
  } catch (const std::regex_error& error) {
    refuse(option, std::string("not a regular expression: ") + error.what());
  }
}

}  // namespace

Filter::Filter(const std::string& expression, const char* option)
    : all_(expression.empty()), expression_(compiled(expression, option)) {}

bool Filter::finds(const std::string& name) const {
  return all_ || std::regex_search(name, expression_);
}

}  // namespace ergon::measure
