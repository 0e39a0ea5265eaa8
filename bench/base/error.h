// What ends a command, told once in one line.
#pragma once

#include <stdexcept>
#include <string>

namespace ergon {

struct Where {
  std::string file;   // or "command line"; empty where it has no place
  int line = 0;       // 0: no line
  std::string field;  // "gemm[2].m" or "--threads"; may be empty
};

/// The question has no answer from what is known. Exit code 3.
class CannotTell : public std::runtime_error {
 public:
  explicit CannotTell(const std::string& why) : std::runtime_error("cannot tell: " + why) {}
};

/// A mistake of the user: `file:line: field: message`. Exit code 2.
class UserError : public std::runtime_error {
 public:
  UserError(Where where, const std::string& message);
  explicit UserError(const std::string& message) : UserError(Where{}, message) {}
  const Where& where() const noexcept { return where_; }

 private:
  Where where_;
};

}  // namespace ergon
