#include "bench/config/table_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "bench/config/nearest.h"

namespace ergon::config {

TableReader::TableReader(const TomlNode& node, std::string file, std::string name)
    : table_(std::get_if<TomlNode::Table>(&node.value)),
      file_(std::move(file)),
      name_(std::move(name)),
      line_(node.line) {
  if (table_ == nullptr)
    throw UserError({file_, line_, name_}, "must be a table, not " + kind_of(node));
}

bool TableReader::has(std::string_view key) const {
  return std::any_of(table_->begin(), table_->end(),
                     [key](const TomlEntry& e) { return e.key == key; });
}

const TomlNode* TableReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  for (const auto& [name, node] : *table_)
    if (name == key) return &node;
  return nullptr;
}

const TomlNode& TableReader::need(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) fail(key, "is missing");
  return *node;
}

std::string TableReader::text(std::string_view key) {
  const TomlNode& node = need(key);
  const auto* text = std::get_if<std::string>(&node.value);
  if (text == nullptr) fail(key, "must be a string, not " + kind_of(node));
  if (text->empty()) fail(key, "is empty");
  return *text;
}

std::optional<std::string> TableReader::text_if(std::string_view key) {
  if (find(key) == nullptr) return std::nullopt;
  return text(key);
}

double TableReader::number(std::string_view key) {
  const TomlNode& node = need(key);
  if (const auto* integer = std::get_if<std::int64_t>(&node.value))
    return static_cast<double>(*integer);
  const auto* real = std::get_if<double>(&node.value);
  if (real == nullptr) fail(key, "must be a number, not " + kind_of(node));
  return *real;
}

double TableReader::positive(std::string_view key) {
  const double value = number(key);
  if (value <= 0) fail(key, "must be above 0");
  return value;
}

std::int64_t TableReader::integer(std::string_view key) {
  const TomlNode& node = need(key);
  const auto* integer = std::get_if<std::int64_t>(&node.value);
  if (integer == nullptr) fail(key, "must be an integer, not " + kind_of(node));
  return *integer;
}

std::optional<std::int64_t> TableReader::integer_if(std::string_view key) {
  if (find(key) == nullptr) return std::nullopt;
  return integer(key);
}

int TableReader::count(std::string_view key, int least) {
  const std::int64_t count = integer(key);
  if (count < least || count > max_count)
    fail(key, "must be a count from " + std::to_string(least));
  return static_cast<int>(count);
}

std::string TableReader::confidence(std::string_view key) {
  std::string word = text(key);
  if (word != "read" && word != "recalled" && word != "derived" && word != "unrecorded")
    fail(key, "must be read, recalled, derived or unrecorded, not '" + word + "'");
  return word;
}

bool TableReader::flag(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return false;
  const auto* boolean = std::get_if<bool>(&node->value);
  if (boolean == nullptr) fail(key, "must be true or false, not " + kind_of(*node));
  return *boolean;
}

std::vector<std::string> TableReader::texts(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return {};
  const auto* items = std::get_if<TomlNode::Array>(&node->value);
  if (items == nullptr) fail(key, "must be a list of strings, not " + kind_of(*node));
  std::vector<std::string> texts;
  for (const TomlNode& item : *items) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (text == nullptr) fail(key, "must hold strings only, not " + kind_of(item));
    texts.push_back(*text);
  }
  return texts;
}

std::vector<TableReader> TableReader::tables(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return {};
  const auto* items = std::get_if<TomlNode::Array>(&node->value);
  if (items == nullptr) fail(key, "must be tables: write [[" + std::string(key) + "]]");
  std::vector<TableReader> readers;
  for (const TomlNode& item : *items)
    readers.emplace_back(item, file_,
                         where(key).field + "[" + std::to_string(readers.size() + 1) + "]");
  return readers;
}

std::optional<TableReader> TableReader::table_if(std::string_view key) {
  const TomlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  return TableReader(*node, file_, where(key).field);
}

void TableReader::refuse_others() const {
  for (const auto& [name, node] : *table_)
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      fail(name, "is not known here" + did_you_mean(name, known_));
}

Where TableReader::where(std::string_view key) const {
  Where place{file_, line_, name_};
  if (key.empty()) return place;
  place.field += (name_.empty() ? "" : ".") + std::string(key);
  for (const auto& [name, node] : *table_)
    if (name == key) place.line = node.line;
  return place;
}

void TableReader::fail(std::string_view key, const std::string& message) const {
  throw UserError(where(key), message);
}

}  // namespace ergon::config
