// The table as plain text: columns aligned by terminal cells, at most the text wrapped.

#include <algorithm>
#include <map>
#include <ostream>

#include "bench/report/formats.h"
#include "bench/report/sheet.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

constexpr std::size_t longest_text = 32;  // of a name; the whole is then in a footnote
constexpr std::size_t line_cells = 120;   // of wrapped text
constexpr const char* gap = "  ";

struct Widths {
  std::size_t main = 0, tail = 0;
  std::size_t whole() const { return main + (tail > 0 ? tail + 1 : 0); }
};

/// Names read from the left; numbers line up on the right, their intervals on the left.
bool from_left(const Column& column) { return column.kind == Kind::text; }

std::string cell_text(const SheetCell& cell, const Column& column, Widths widths) {
  std::string text = from_left(column) ? cell.main : pad_left(cell.main, widths.main);
  if (!cell.tail.empty()) text += (from_left(column) ? "" : " ") + cell.tail;
  return pad_right(text, widths.whole());
}

/// Sections share widths by position where they have the same number of columns, which is the key.
std::map<std::size_t, std::vector<Widths>> measure(const Sheet& sheet) {
  std::map<std::size_t, std::vector<Widths>> shared;
  for (const Section& section : sheet.sections) {
    auto& widths = shared[section.columns.size()];
    widths.resize(section.columns.size());
    for (const SheetRow& row : section.rows)
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const SheetCell& cell = row.cells[i];
        if (from_left(*section.columns[i])) {
          widths[i].main = std::max(widths[i].main, width(cell.main) + width(cell.tail));
        } else {
          widths[i].main = std::max(widths[i].main, width(cell.main));
          widths[i].tail = std::max(widths[i].tail, width(cell.tail));
        }
      }
  }
  for (const Section& section : sheet.sections) {
    auto& widths = shared[section.columns.size()];
    for (std::size_t i = 0; i < section.columns.size(); ++i) {
      const std::size_t needed = width(section.columns[i]->header);
      if (widths[i].whole() < needed) widths[i].main += needed - widths[i].whole();
    }
  }
  return shared;
}

void line(std::string text, std::ostream& out) {
  text.erase(text.find_last_not_of(' ') + 1);
  out << text << '\n';
}

void write_section(const Section& section, const std::vector<Widths>& widths, std::ostream& out) {
  line("\n" + section.title + (section.about.empty() ? "" : "   (" + section.about + ")"), out);
  std::string header = gap;
  for (std::size_t i = 0; i < section.columns.size(); ++i) {
    const std::string name(section.columns[i]->header);
    // A number's header ends where the number ends, unless it is too long for that.
    const bool right = !from_left(*section.columns[i]) && width(name) <= widths[i].main;
    header += pad_right(right ? pad_left(name, widths[i].main) : name, widths[i].whole()) + gap;
  }
  line(header, out);
  for (const SheetRow& row : section.rows) {
    std::string text = row.fastest ? "* " : gap;
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      text += cell_text(row.cells[i], *section.columns[i], widths[i]) + gap;
    line(text, out);
  }
}

void write_hanging(const std::string& label, const std::string& text, std::size_t indent,
                   std::ostream& out) {
  std::string start = pad_right(label, indent);
  for (const std::string& part : wrap(text, line_cells - indent)) {
    line(start + part, out);
    start.assign(indent, ' ');
  }
}

}  // namespace

void write_table(const Table& table, std::ostream& out) {
  const Sheet sheet = lay_out(table, longest_text);
  for (const std::string& text : sheet.head) line(text, out);
  const auto widths = measure(sheet);
  for (const Section& section : sheet.sections)
    write_section(section, widths.at(section.columns.size()), out);
  if (!sheet.footnotes.empty()) out << '\n';
  for (std::size_t i = 0; i < sheet.footnotes.size(); ++i)
    write_hanging(superscript(i + 1), sheet.footnotes[i], 4, out);
  out << '\n';
  std::string last;
  for (const Remark& remark : sheet.remarks) {
    write_hanging(remark.label == last ? "" : remark.label, remark.text, 11, out);
    last = remark.label;
  }
}

}  // namespace ergon::report
