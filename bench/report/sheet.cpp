#include "bench/report/sheet.h"

#include <algorithm>

#include "bench/report/text.h"

namespace ergon::report {
namespace {

class Footnotes {
 public:
  explicit Footnotes(std::vector<std::string>& texts) : texts_(texts) {}
  /// The superscript of the footnote with this text, made where there is none yet.
  std::string refer(const std::string& text) {
    const std::string clean = printable(text);
    const auto found = std::ranges::find(texts_, clean);
    const auto index = static_cast<std::size_t>(found - texts_.begin());
    if (found == texts_.end()) texts_.push_back(clean);
    return superscript(index + 1);
  }

 private:
  std::vector<std::string>& texts_;
};

std::string number(const Estimate& figure, Kind kind) {
  switch (kind) {
    case Kind::seconds:
      return si(figure, "s");
    case Kind::si:
      return si(figure);
    case Kind::percent:
      return percent(figure);
    case Kind::ratio:
      return plain(figure) + "x";
    default:
      return plain(figure);
  }
}

SheetCell figure_cell(const Column& column, const Item& item, Footnotes& footnotes) {
  const auto& figure = column.derived(item).figure;
  if (!figure)
    return {"—", without_figures(*item.row) ? std::string() : footnotes.refer(figure.reason())};
  SheetCell cell{number(*figure, column.kind), spread(*figure)};
  if (column.is_energy()) cell.tail += (cell.tail.empty() ? "" : " ") + energy_mark(item);
  return cell;
}

std::string status_notes(const record::Row& row, Footnotes& footnotes) {
  std::string notes;
  if (row.status != "ok") notes += footnotes.refer(row.status + ": " + row.reason);
  if (row.imported_from)
    notes += footnotes.refer("imported from " + imported_text(row) +
                             ": neither measured nor verified by this program");
  return notes;
}

/// As people read it; programs get the column's own text.
std::string readable(const Column& column, const Item& item) {
  if (column.name == "case") return case_text(*item.row);
  const std::string text = column.text(item);
  return column.kind == Kind::error && !text.empty() ? relative_error(std::stod(text)) : text;
}

SheetCell text_cell(const Column& column, const Item& item, Footnotes& footnotes,
                    std::size_t text_cells) {
  const std::string text = printable(readable(column, item));
  if (column.name == "status") return {text, status_notes(*item.row, footnotes)};
  if (text.empty()) return {"—", {}};
  if (text_cells == 0 || width(text) <= text_cells) return {text, {}};
  return {shortened(text, text_cells), footnotes.refer(text)};
}

Section section_of(const Group& group, Footnotes& footnotes, std::size_t text_cells) {
  Section section{printable(group.title), group.about, group.columns, {}};
  for (const Item& item : group.items) {
    SheetRow row{item.fastest, {}};
    for (const Column* column : group.columns)
      row.cells.push_back(column->is_figure() ? figure_cell(*column, item, footnotes)
                                              : text_cell(*column, item, footnotes, text_cells));
    section.rows.push_back(std::move(row));
  }
  return section;
}

}  // namespace

Sheet lay_out(const Table& table, std::size_t text_cells) {
  Sheet sheet;
  sheet.head = head(table);
  Footnotes footnotes(sheet.footnotes);
  for (const Group& group : table.groups)
    if (!group.ceilings) sheet.sections.push_back(section_of(group, footnotes, text_cells));
  sheet.remarks = remarks(table);
  return sheet;
}

}  // namespace ergon::report
