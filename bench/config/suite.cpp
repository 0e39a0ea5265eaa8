#include "bench/config/suite.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "bench/base/sha256.h"
#include "bench/config/nearest.h"
#include "bench/config/table_reader.h"
#include "bench/config/toml_tree.h"

namespace ergon::config {
namespace {

std::vector<SuiteValue> read_list(const TableReader& entry, const std::string& key,
                                  const TomlNode& node) {
  std::vector<SuiteValue> values;
  const auto take = [&](const TomlNode& item) {
    const auto scalar = [&](const auto& value) {
      using T = std::decay_t<decltype(value)>;
      if constexpr (std::is_same_v<T, TomlNode::Array> || std::is_same_v<T, TomlNode::Table>) {
        entry.fail(key, "must be a value or a list of values, not " + kind_of(item));
      } else {
        // In place: g++ 12 takes the string of a variant that is moved for uninitialised.
        SuiteValue& added = values.emplace_back();
        added.value = value;
        added.line = item.line;
      }
    };
    std::visit(scalar, item.value);
  };
  if (const auto* items = std::get_if<TomlNode::Array>(&node.value)) {
    if (items->empty()) entry.fail(key, "is an empty list: nothing would be measured");
    for (const TomlNode& item : *items) take(item);
  } else {
    take(node);
  }
  return values;
}

std::vector<SuiteName> read_names_with_lines(const TableReader& entry, const std::string& key,
                                             const TomlNode& node) {
  std::vector<SuiteName> names;
  for (const SuiteValue& value : read_list(entry, key, node)) {
    const auto* name = std::get_if<std::string>(&value.value);
    if (name == nullptr || name->empty()) entry.fail(key, "must hold names (strings)");
    names.push_back({*name, value.line});
  }
  return names;
}

std::vector<std::string> read_names(const TableReader& entry, const std::string& key,
                                    const TomlNode& node) {
  std::vector<std::string> names;
  for (SuiteName& name : read_names_with_lines(entry, key, node))
    names.push_back(std::move(name.text));
  return names;
}

std::vector<std::optional<int>> read_threads(const TableReader& entry, const TomlNode& node) {
  std::vector<std::optional<int>> threads;
  for (const SuiteValue& value : read_list(entry, "threads", node)) {
    const auto* number = std::get_if<std::int64_t>(&value.value);
    const auto* word = std::get_if<std::string>(&value.value);
    if (number != nullptr && *number >= 1 && *number <= std::numeric_limits<int>::max())
      threads.emplace_back(static_cast<int>(*number));
    else if (word != nullptr && *word == "all")
      threads.emplace_back(std::nullopt);
    else
      entry.fail("threads", "must hold integers from 1, or \"all\"");
  }
  return threads;
}

std::vector<std::string> read_caches(const TableReader& entry, const TomlNode& node) {
  static const std::vector<std::string> known = {"cold", "warm", "auto"};
  std::vector<std::string> caches = read_names(entry, "cache", node);
  for (const std::string& cache : caches)
    if (cache != "cold" && cache != "warm" && cache != "auto")
      entry.fail("cache", "'" + cache + "' is not known" + did_you_mean(cache, known));
  return caches;
}

void require_one_origin_of_shapes(const TableReader& entry, const std::string& kernel) {
  if (entry.has("part") && !entry.has("model"))
    entry.fail("part", "is of a model, and no `model` is given");
  for (const std::string_view field : given_by_models(kernel))
    if (entry.has(field) && entry.has("model"))
      entry.fail(field, "cannot stand beside `model`, which gives it");
}

SuiteEntry read_entry(const TableReader& table, const std::string& file, const std::string& kernel,
                      int index) {
  SuiteEntry entry;
  entry.file = file;
  entry.kernel = kernel;
  entry.index = index;
  entry.line = table.where().line;
  for (const auto& [key, node] : table.entries()) {
    entry.lines[key] = node.line;
    if (key == "backend")
      entry.backends = read_names(table, key, node);
    else if (key == "threads")
      entry.threads = read_threads(table, node);
    else if (key == "cache")
      entry.caches = read_caches(table, node);
    else if (key == "model")
      entry.models = read_names_with_lines(table, key, node);
    else if (key == "part")
      entry.parts = read_names_with_lines(table, key, node);
    else
      entry.lists.emplace_back(key, read_list(table, key, node));
  }
  require_one_origin_of_shapes(table, kernel);
  expand(entry);  // too many combinations are told when the file is read
  return entry;
}

void read_budget(TableReader& root, Suite& suite) {
  std::optional<TableReader> budget = root.table_if("budget");
  if (!budget) return;
  suite.budget_seconds = budget->positive("seconds");
  budget->refuse_others();
}

bool is_tables(const TomlNode& node) {
  const auto* items = std::get_if<TomlNode::Array>(&node.value);
  return items != nullptr && !items->empty() &&
         std::holds_alternative<TomlNode::Table>(items->front().value);
}

}  // namespace

Where SuiteEntry::where(std::string_view field) const {
  Where place{file, line, kernel + "[" + std::to_string(index) + "]"};
  if (field.empty()) return place;
  place.field += "." + std::string(field);
  if (const auto at = lines.find(field); at != lines.end()) place.line = at->second;
  return place;
}

std::vector<SuiteCase> expand(const SuiteEntry& entry) {
  std::size_t count = std::max<std::size_t>(entry.shapes.size(), 1);
  for (const auto& [name, values] : entry.lists) {
    count *= values.size();  // both at most max_suite_cases and a file's length: no overflow
    if (count > max_suite_cases)
      throw UserError(entry.where(name), "the lists multiply out to more than " +
                                             std::to_string(max_suite_cases) + " cases");
  }
  std::vector<SuiteCase> cases = entry.shapes;
  if (cases.empty()) cases.emplace_back();
  for (const auto& [name, values] : entry.lists) {
    std::vector<SuiteCase> longer;
    longer.reserve(cases.size() * values.size());
    for (const SuiteCase& so_far : cases)
      for (const SuiteValue& value : values) longer.emplace_back(so_far).emplace(name, value);
    cases = std::move(longer);
  }
  return cases;
}

Suite parse_suite(std::string text, const std::string& file) {
  const TomlNode tree = parse_toml(text, file);
  TableReader root(tree, file, "");
  Suite suite;
  suite.file = file;
  suite.sha256 = sha256_hex(text);
  suite.text = std::move(text);
  suite.name = root.text("name");
  const std::int64_t seed = root.integer_if("seed").value_or(1);
  if (seed < 0) root.fail("seed", "must not be negative");
  suite.seed = static_cast<std::uint64_t>(seed);
  read_budget(root, suite);
  for (const auto& [key, node] : root.entries()) {
    if (!is_tables(node)) continue;
    int index = 0;
    for (const TableReader& table : root.tables(key))
      suite.entries.push_back(read_entry(table, file, key, ++index));
  }
  for (const auto& [key, node] : root.entries())
    if (std::holds_alternative<TomlNode::Table>(node.value) && key != "budget")
      root.fail(key, "is one table; cases are written [[" + key + "]]");
  root.refuse_others();
  if (suite.entries.empty())
    throw UserError({file, 0, ""}, "holds no cases: add a table such as [[gemm]]");
  return suite;
}

Suite load_suite(const std::string& path, const Maybe<std::string>& models_folder) {
  Suite suite = parse_suite(read_text(path), path);
  find_shapes(suite, models_folder);
  return suite;
}

}  // namespace ergon::config
