#include "bench/report/field_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "bench/report/text.h"

namespace ergon::report {
namespace {

Kind kind_of(const record::Value& value) {
  const bool number =
      std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
  return number ? Kind::count : Kind::text;
}

template <class List>
bool has(const List& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const Column& one) { return one.name == name; });
}

/// "kv_len=4096" and the like.
std::vector<std::string> fields_of(const std::string& case_name) {
  std::vector<std::string> parts;
  std::size_t from = case_name.find('/') + 1;
  while (from != 0 && from < case_name.size()) {
    const std::size_t end = std::min(case_name.find(',', from), case_name.size());
    parts.push_back(case_name.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

}  // namespace

FieldColumns::FieldColumns(std::span<const Item> items) {
  for (const Item& item : items)
    for (const auto& [name, value] : item.row->workload)
      if (!has(columns(), name) && !has(columns_, name))
        columns_.push_back({name, name, kind_of(value), "of the workload", WorkloadField{name}});
}

const Column& FieldColumns::find(std::string_view name, const std::string& field) const {
  for (const Column& one : columns_)
    if (one.name == name) return one;
  std::vector<std::string> fields;
  for (const Column& one : columns_) fields.emplace_back(one.name);
  return column(name, field, fields);
}

std::vector<const Column*> FieldColumns::differing(std::span<const Item> items) const {
  std::vector<const Column*> out;
  for (const Column& one : columns_)
    if (std::ranges::any_of(
            items, [&](const Item& item) { return one.text(item) != one.text(items.front()); }))
      out.push_back(&one);
  return out;
}

std::string common_case(std::span<const Item> items) {
  std::vector<std::string> common = fields_of(items.front().row->case_name);
  for (const Item& item : items) {
    const std::vector<std::string> mine = fields_of(item.row->case_name);
    std::erase_if(common, [&](const std::string& part) {
      return std::ranges::find(mine, part) == mine.end();
    });
  }
  return join({items.front().row->kernel, join(common, " ")}, common.empty() ? "" : " ");
}

}  // namespace ergon::report
