// Records as one table: rows with their figures, grouped, sorted, compared with a baseline.
//
// Every output format writes a Table. It refers into the documents, which must outlive it. It keeps
// figures as numbers and absences as reasons; text is made by the formats.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/report/columns.h"
#include "bench/report/field_columns.h"

namespace ergon::report {

struct ReportOptions {
  std::vector<std::string> group_by = {};  // no figures; empty: case, dtype, cache
  std::vector<std::string> columns = {};   // empty: the format's own choice
  std::string sort = {};      // "column" or "column:desc"; empty: as run, by implementation
  std::string baseline = {};  // selector "backend[:name[:variant]]"; empty: none
  Pricing pricing = {};
  EnergyOptions energy = {};
};

/// A document and how its rows are named where there are several.
struct Source {
  std::string label;
  const record::Document* document = nullptr;
  std::vector<std::string> warnings = {};  // what is to be doubted; every output repeats them
};

struct Group {
  std::string title;  // "gemm m=8 n=64 k=64 · f32 · cold"
  /// What the cases have in common, where the title leaves it out; the work, where it is the same.
  std::string about;
  bool ceilings = false;
  std::vector<const Column*> columns;  // to show to people
  std::vector<Item> items;
};

struct Table {
  std::vector<Source> sources;
  ReportOptions options;
  std::vector<Group> groups;
  Baselines baselines = {};
  std::shared_ptr<const FieldColumns> fields = {};  // that columns may point to
};

/// Throws UserError for unknown columns and baselines, and CannotTell where sorting by joules would
/// rank rows whose energy is no evidence.
Table make_table(std::span<const Source> sources, const ReportOptions& options);

/// What CSV and JSON hold: the chosen columns, else every column. Joules are never without the
/// columns that say where they are from, rows of a doubtful record never without its warnings.
std::vector<const Column*> columns_for_programs(const Table& table);

}  // namespace ergon::report
