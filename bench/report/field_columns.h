// Fields of workloads as columns, named as the family names them: "kv_heads". One that is called
// like a column of every table ("dtype") is that column.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report/columns.h"

namespace ergon::report {

class FieldColumns {
 public:
  /// Of all fields that some row has, in the order of their first. Refers into the rows.
  explicit FieldColumns(std::span<const Item> items);
  FieldColumns(const FieldColumns&) = delete;
  FieldColumns& operator=(const FieldColumns&) = delete;

  /// A field's, else column(): UserError at `field` where there is neither.
  const Column& find(std::string_view name, const std::string& field) const;
  /// Those whose texts are not all the same.
  std::vector<const Column*> differing(std::span<const Item> items) const;

 private:
  std::deque<Column> columns_;
};

/// What the cases of rows of one kernel have in common: "attention phase=decode q_heads=32".
std::string common_case(std::span<const Item> items);

}  // namespace ergon::report
