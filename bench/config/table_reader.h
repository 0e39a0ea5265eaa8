// Takes a TOML table apart key by key; whatever is missing, of the wrong type or left over is a
// UserError with file, line and field. Internal to bench/config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/base/error.h"
#include "bench/config/toml_tree.h"

namespace ergon::config {

/// Above every length and number of things in configs/; the product of two stays far below 2^63.
inline constexpr int max_count = 1 << 24;

class TableReader {
 public:
  /// `node` is a table and outlives the reader; `name` prefixes fields: "electricity[2]".
  TableReader(const TomlNode& node, std::string file, std::string name);

  bool has(std::string_view key) const;
  /// nullptr where there is none. Counts the key as known.
  const TomlNode* find(std::string_view key);
  const TomlNode& need(std::string_view key);

  std::string text(std::string_view key);  // not empty
  std::optional<std::string> text_if(std::string_view key);
  double number(std::string_view key);    // an integer counts as a number
  double positive(std::string_view key);  // a number above 0
  std::int64_t integer(std::string_view key);
  std::optional<std::int64_t> integer_if(std::string_view key);
  /// An integer from `least` to max_count.
  int count(std::string_view key, int least = 1);
  /// "read", "recalled", "derived" or "unrecorded".
  std::string confidence(std::string_view key = "confidence");
  bool flag(std::string_view key);                       // false where there is none
  std::vector<std::string> texts(std::string_view key);  // empty where there is none
  /// The sub-tables of an array of tables; none where the key is missing.
  std::vector<TableReader> tables(std::string_view key);
  std::optional<TableReader> table_if(std::string_view key);

  /// UserError at the first key that was never asked for, with the nearest known one.
  void refuse_others() const;

  Where where(std::string_view key = {}) const;
  [[noreturn]] void fail(std::string_view key, const std::string& message) const;
  const TomlNode::Table& entries() const { return *table_; }

 private:
  const TomlNode::Table* table_;
  std::string file_, name_;
  int line_;
  std::vector<std::string> known_;
};

}  // namespace ergon::config
