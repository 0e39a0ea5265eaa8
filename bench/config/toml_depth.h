// Refuses TOML that nests deeper than any configuration: the parser and whoever walks its tree
// recurse once per level, and a dotted name of some thousand parts would end the stack.
#pragma once

#include <string>
#include <string_view>

namespace ergon::config {

/// Levels of dotted names, lists and inline tables together, within one header or value.
inline constexpr int most_toml_levels = 64;

/// UserError with file and line.
void require_shallow_toml(std::string_view text, const std::string& file);

}  // namespace ergon::config
