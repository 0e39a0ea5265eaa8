// The document as JSON: the names of the schema, key order fixed, doubles exact, 64-bit seeds
// whole.
//
// A missing value is {"absent": "reason"} or a key left out, never null, 0 or "". This file touches
// no file system; read.h and write.h do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bench/record/document.h"

namespace ergon::record {

using Json = nlohmann::ordered_json;

/// Throws std::logic_error for what must not be written: a number that is not finite, an empty
/// required text.
Json to_json(const Document& document);
/// Throws UserError, its field the JSON pointer, for a missing or unknown name, a wrong type, or a
/// schema that is not ours. Values (ranges, choices) are the schema's affair.
Document from_json(const Json& json);

/// The JSON as a file holds it: indented, one line per sample, a newline at the end. Text that is
/// not UTF-8 gets U+FFFD in place of the bad bytes.
std::string to_text(const Document& document);
/// `json` on one line without a newline.
std::string one_line(const Json& json);

}  // namespace ergon::record
