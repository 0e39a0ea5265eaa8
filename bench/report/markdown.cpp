// The table for a README or an issue: one Markdown table per group, evidence below.

#include <ostream>

#include "bench/report/formats.h"
#include "bench/report/sheet.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

/// Text that Markdown leaves as it is.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '`' || c == '<' || c == '[' || c == ']' ||
        c == '\\' || c == '#')
      out += '\\';
    out += c;
  }
  return out;
}

void write_row(const std::vector<std::string>& cells, std::ostream& out) {
  out << "| " << join(cells, " | ") << " |\n";
}

std::string cell_text(const SheetCell& cell, const Column& column) {
  const std::string between = column.is_figure() && !cell.tail.empty() ? " " : "";
  return escaped(cell.main + between + cell.tail);
}

void write_section(const Section& section, std::ostream& out) {
  out << "\n### " << escaped(section.title) << "\n\n";
  if (!section.about.empty()) out << escaped(section.about) << "\n\n";
  std::vector<std::string> headers, rules;
  for (const Column* column : section.columns) {
    headers.push_back(escaped(std::string(column->header)));
    rules.emplace_back(column->kind == Kind::text ? ":---" : "---:");
  }
  write_row(headers, out);
  write_row(rules, out);
  for (const SheetRow& row : section.rows) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      cells.push_back(cell_text(row.cells[i], *section.columns[i]));
    if (row.fastest) cells.front() = "**" + cells.front() + "** \\*";
    write_row(cells, out);
  }
}

}  // namespace

void write_markdown(const Table& table, std::ostream& out) {
  const Sheet sheet = lay_out(table, 0);
  for (const std::string& text : sheet.head) out << escaped(text) << "  \n";
  for (const Section& section : sheet.sections) write_section(section, out);
  out << '\n';
  for (std::size_t i = 0; i < sheet.footnotes.size(); ++i)
    out << superscript(i + 1) << " " << escaped(sheet.footnotes[i]) << "  \n";
  out << '\n';
  for (const Remark& remark : sheet.remarks)
    out << "- " << (remark.label == "*" ? "\\*" : "**" + remark.label + "**") << " "
        << escaped(remark.text) << '\n';
}

}  // namespace ergon::report
