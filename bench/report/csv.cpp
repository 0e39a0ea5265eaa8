// One line per row, one header line, RFC 4180 quoting. A figure has three columns: name, name_low,
// name_high; where it is absent they are empty, and the last column says why.

#include <fmt/format.h>

#include <ostream>

#include "bench/report/formats.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

std::string quoted(const std::string& text) {
  const std::string clean = printable(text);
  if (clean.find_first_of(",\"") == std::string::npos) return clean;
  std::string out = "\"";
  for (const char c : clean) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string header(const std::vector<const Column*>& columns) {
  std::vector<std::string> names;
  for (const Column* column : columns) {
    names.emplace_back(column->name);
    if (!column->is_figure()) continue;
    names.push_back(names.back() + "_low");
    names.push_back(std::string(column->name) + "_high");
  }
  names.emplace_back("absent");
  return join(names, ",");
}

std::string line(const Item& item, const std::vector<const Column*>& columns) {
  std::vector<std::string> cells, reasons;
  for (const Column* column : columns) {
    if (!column->is_figure()) {
      cells.push_back(quoted(column->text(item)));
      continue;
    }
    const auto& figure = column->derived(item).figure;
    if (figure) {
      for (const double number : {figure->value, figure->low, figure->high})
        cells.push_back(fmt::format("{}", number));
    } else {
      cells.insert(cells.end(), 3, "");
      reasons.push_back(std::string(column->name) + ": " + figure.reason());
    }
  }
  cells.push_back(quoted(join(reasons, "; ")));
  return join(cells, ",");
}

}  // namespace

void write_csv(const Table& table, std::ostream& out) {
  const auto columns = columns_for_programs(table);
  out << header(columns) << '\n';
  for (const Group& group : table.groups)
    for (const Item& item : group.items) out << line(item, columns) << '\n';
}

}  // namespace ergon::report
