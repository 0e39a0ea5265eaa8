// The regular expression of --filter. Whatever it says, it is compiled and searched in bounded
// time and stack: ECMAScript without back-references and counted repeats, of at most 1000
// characters, by an automaton that does not backtrack.
#pragma once

#include <regex>
#include <string>

namespace ergon::measure {

class Filter {
 public:
  /// Empty finds everything. UserError, naming `option`, for what is no such expression.
  explicit Filter(const std::string& expression, const char* option = "--filter");
  bool finds(const std::string& name) const;

 private:
  bool all_;
  std::regex expression_;
};

}  // namespace ergon::measure
