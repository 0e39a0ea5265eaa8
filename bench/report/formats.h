// Every format that a table can be written in, from the report_format() lines of CMake.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

#include "bench/report/table.h"

namespace ergon::report {

struct Format {
  std::string_view name;
  void (*write)(const Table& table, std::ostream& out);
};
std::span<const Format> formats() noexcept;
/// Throws UserError for an unknown name, with the known ones.
const Format& format(std::string_view name);

}  // namespace ergon::report
