// The JSON Schema of results/schema, compiled into the program, and checking against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/record/json.h"

namespace ergon::record {

/// The text of results/schema/ergon-result-1.schema.json.
std::string_view schema_text() noexcept;

struct Violation {
  std::string pointer;  // JSON pointer of the value
  std::string what;
};

/// What of `json` the schema does not allow; empty where all fits.
std::vector<Violation> violations(const Json& json);

}  // namespace ergon::record
