// JSON text from strangers into JSON values: strict, bounded, and with the line of what is wrong.
//
// Refused before any value is built: text that is not UTF-8, NUL bytes, nesting deeper than a
// record needs, a name twice in one object, more values than a machine's memory should be asked to
// hold.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/record/json.h"

namespace ergon::record {

inline constexpr std::size_t deepest_nesting = 32;
inline constexpr std::size_t most_members = 4096;       // of one object
inline constexpr std::size_t most_values = 20'000'000;  // about 3 GB once parsed
inline constexpr std::size_t most_bytes = 512u << 20;   // of one file

/// Throws UserError with `file` and the line, `first_line` being that of the text's start.
Json parse(std::string_view text, const std::string& file, int first_line = 1);

/// The line, from 1, of the value that a JSON pointer names; 0 where there is none.
int line_of(std::string_view text, const std::string& pointer);

}  // namespace ergon::record
