// Does a record agree with the schema and with itself? Everything that can be recomputed is.
//
// It finds an edited median, status or time, a sample taken out or put in, a ceiling that its row
// does not give. It cannot find a record that was invented as a whole, windows cut off at a run's
// very end, or a sample changed without moving median, interval or order. Work counts take the
// kernel: bench/measure/recount.h.
#pragma once

#include <string>
#include <vector>

#include "bench/record/document.h"

namespace ergon::record {

struct Finding {
  std::string where;  // JSON pointer, with the row's key where it is about a row
  std::string what;
};

/// Empty for a consistent record.
std::vector<Finding> verify(const Document& document);

/// Reads like read_document, but what the schema does not allow is a finding too. Throws UserError
/// for what is no record at all.
std::vector<Finding> verify_file(const std::string& file);

/// Which intervals are of another method than this build's, and so were not recomputed by it; empty
/// where none are. One sentence each.
std::vector<std::string> unchecked(const Document& document);

/// "consistent" or "3 findings"; never "authentic".
std::string summary(const std::vector<Finding>& findings);

}  // namespace ergon::record
