// A Table as strings: what the terminal and Markdown have in common.
//
// A dash stands for what is absent; a superscript leads to the reason below. Rows without any
// figure (skipped, wrong, ...) carry one footnote, at their status. Ceilings are not rows here:
// they are remarks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/report/remarks.h"
#include "bench/report/table.h"

namespace ergon::report {

struct SheetCell {
  std::string main;  // "7.52 ms"
  std::string tail;  // "±0.4% [m wall]" or a footnote's number
};

struct SheetRow {
  bool fastest = false;
  std::vector<SheetCell> cells;
};

struct Section {
  std::string title, about;
  std::vector<const Column*> columns;
  std::vector<SheetRow> rows;
};

struct Sheet {
  std::vector<std::string> head;
  std::vector<Section> sections;
  std::vector<std::string> footnotes;  // the first is number 1
  std::vector<Remark> remarks;
};

/// Texts wider than `text_cells` are shortened, with the whole in a footnote; 0: never.
Sheet lay_out(const Table& table, std::size_t text_cells);

}  // namespace ergon::report
