#include "bench/base/error.h"

namespace ergon {
namespace {

std::string one_line(const Where& where, const std::string& message) {
  std::string text = where.file;
  if (where.line > 0) text += ":" + std::to_string(where.line);
  if (!text.empty()) text += ": ";
  if (!where.field.empty()) text += where.field + ": ";
  text += message;
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

UserError::UserError(Where where, const std::string& message)
    : std::runtime_error(one_line(where, message)), where_(std::move(where)) {}

}  // namespace ergon
