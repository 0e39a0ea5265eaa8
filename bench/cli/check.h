// Reading records that may have been edited, as `report` and `compare` do: with what `ergon verify`
// would say of them.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "bench/base/error.h"
#include "bench/record/document.h"
#include "bench/record/verify.h"
#include "bench/report/text.h"

namespace ergon::cli {

struct Check {
  std::vector<record::Finding> findings;  // empty: consistent
  std::vector<std::string> unchecked;     // what this program cannot tell, and why
};

/// All that this program can find wrong in a document: record::verify; where that finds nothing,
/// the work of its rows counted anew; where that does neither, its rows among the cases of its
/// suite.
Check check(const record::Document& document);

struct CheckedRecord {
  record::Document document;
  std::vector<std::string> warnings;  // for whoever reads a table made of it; empty: consistent
};

/// Also tells the warnings on standard error. Throws UserError where the file is no record, or
/// holds a window whose time per call is none.
CheckedRecord read_checked(const std::string& file);

/// What make() gives. Numbers that the schema allows and no figure can be made of (ratios beyond
/// the range of a number) become a UserError that names the files.
template <class Make>
auto from_records(const std::vector<std::string>& files, Make make) {
  try {
    return make();
  } catch (const std::invalid_argument& error) {
    throw UserError({report::join(files, ", "), 0, "/rows"}, error.what());
  }
}

}  // namespace ergon::cli
