// The evidence under a table: what its intervals, joules, dollars, ceilings and cold rows rest on.
#pragma once

#include <string>
#include <vector>

#include "bench/report/table.h"

namespace ergon::report {

struct Remark {
  std::string label;  // "Energy"
  std::string text;   // one paragraph
};

/// What concerns the columns that are shown; each fact once.
std::vector<Remark> remarks(const Table& table);
/// Machine, build and suite, two lines for each source, and a line for each of its warnings.
std::vector<std::string> head(const Table& table);

/// "[c pkg]": provenance and scope of a row's joules; empty where the record does not describe
/// them.
std::string energy_mark(const Item& item);

}  // namespace ergon::report
