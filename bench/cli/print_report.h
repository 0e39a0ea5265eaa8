// The default table of records, as `run` and `report` print it.
#pragma once

#include <iosfwd>
#include <vector>

#include "bench/record/document.h"

namespace ergon::cli {

void print_table(const std::vector<record::Document>& documents, std::ostream& out);

}  // namespace ergon::cli
