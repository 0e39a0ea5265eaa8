#include "bench/config/toml_tree.h"

#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "bench/base/error.h"
#include "bench/config/toml_depth.h"

namespace ergon::config {
namespace {

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

bool before(const toml::source_position& a, const toml::source_position& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

TomlNode convert(const toml::node& node, const std::string& file, const std::string& name);

TomlNode::Array convert_array(const toml::array& array, const std::string& file,
                              const std::string& name) {
  TomlNode::Array items;
  for (const toml::node& item : array)
    items.push_back(convert(item, file, name + "[" + std::to_string(items.size() + 1) + "]"));
  return items;
}

TomlNode::Table convert_table(const toml::table& table, const std::string& file,
                              const std::string& name) {
  struct Entry {
    toml::source_position place;
    std::string key;
    const toml::node* node;
  };
  std::vector<Entry> entries;
  for (const auto& [key, node] : table)
    entries.push_back({key.source().begin, std::string(key.str()), &node});
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return before(a.place, b.place); });
  TomlNode::Table result;
  for (const Entry& entry : entries) {
    const std::string child = name.empty() ? entry.key : name + "." + entry.key;
    result.push_back({entry.key, convert(*entry.node, file, child)});
  }
  return result;
}

TomlNode convert(const toml::node& node, const std::string& file, const std::string& name) {
  TomlNode result;
  result.line = line_of(node);
  if (const auto* integer = node.as_integer()) {
    result.value = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    if (!std::isfinite(real->get()))
      throw UserError({file, result.line, name}, "is not a finite number");
    result.value = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    result.value = boolean->get();
  } else if (const auto* text = node.as_string()) {
    result.value = text->get();
  } else if (const auto* array = node.as_array()) {
    result.value = convert_array(*array, file, name);
  } else if (const auto* table = node.as_table()) {
    result.value = convert_table(*table, file, name);
  } else {
    throw UserError({file, result.line, name}, "is a date or time; write it as a quoted string");
  }
  return result;
}

}  // namespace

std::string kind_of(const TomlNode& node) {
  static constexpr std::string_view names[] = {"an integer", "a number", "true or false",
                                               "a string",   "a list",   "a table"};
  return std::string(names[node.value.index()]);
}

TomlNode parse_toml(const std::string& text, const std::string& file) {
  require_shallow_toml(text, file);
  try {
    const toml::table root = toml::parse(std::string_view(text), std::string_view(file));
    return convert(root, file, "");
  } catch (const toml::parse_error& error) {
    throw UserError({file, static_cast<int>(error.source().begin.line), ""},
                    std::string(error.description()));
  }
}

std::string read_text(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw UserError({path, 0, ""}, "is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UserError({path, 0, ""}, std::string("cannot be opened: ") + std::strerror(errno));
  // A few times what the largest of configs/ needs; a device file may have no end.
  constexpr std::size_t most = std::size_t{4} << 20;
  std::string text(most + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > most) throw UserError({path, 0, ""}, "is larger than 4 MiB");
  if (in.bad()) throw UserError({path, 0, ""}, "cannot be read");
  return text;
}

}  // namespace ergon::config
