// A TOML file as a plain tree in the file's order, every node with its line. The one place that
// knows the parser. Internal to bench/config.
//
// Dates and times, and numbers that are not finite, are refused: nothing here is configured by
// them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace ergon::config {

struct TomlEntry;

struct TomlNode {
  using Array = std::vector<TomlNode>;
  using Table = std::vector<TomlEntry>;
  std::variant<std::int64_t, double, bool, std::string, Array, Table> value;
  int line = 0;
};

struct TomlEntry {
  std::string key;
  TomlNode node;
};

/// What the value is, for messages: "an integer", "a table".
std::string kind_of(const TomlNode& node);

/// UserError with file and line.
TomlNode parse_toml(const std::string& text, const std::string& file);

/// The whole file; UserError where it cannot be read.
std::string read_text(const std::string& path);

}  // namespace ergon::config
