// A mistake of the user, told once in one line: `file:line: field: message`. Exit code 2.
#pragma once

#include <stdexcept>
#include <string>

namespace ergon {

struct Where {
  std::string file;   // or "command line"; empty where it has no place
  int line = 0;       // 0: no line
  std::string field;  // "gemm[2].m" or "--threads"; may be empty
};

class UserError : public std::runtime_error {
 public:
  UserError(Where where, const std::string& message);
  explicit UserError(const std::string& message) : UserError(Where{}, message) {}
  const Where& where() const noexcept { return where_; }

 private:
  Where where_;
};

}  // namespace ergon
