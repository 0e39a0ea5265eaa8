// The derived table as JSON: {"schema": "ergon-table/1", "runs": [...], "rows": [...], "notes":
// [...]}.
//
// A figure is `name`, `name_low`, `name_high`, or `name: {"absent": reason}`; the factors it shares
// with other figures of the run stand under "shared_factors". Texts that a row lacks are left out.

#include <nlohmann/json.hpp>
#include <ostream>

#include "bench/report/formats.h"
#include "bench/report/remarks.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

using Json = nlohmann::ordered_json;

void add_figure(const Column& column, const Derived& derived, Json& row) {
  const std::string name(column.name);
  if (!derived.figure) {
    row[name] = Json{{"absent", printable(derived.figure.reason())}};
    return;
  }
  row[name] = derived.figure->value;
  row[name + "_low"] = derived.figure->low;
  row[name + "_high"] = derived.figure->high;
  for (const SharedFactor& factor : derived.shared_factors)
    row["shared_factors"][name].push_back(
        {{"name", printable(factor.name)}, {"low", factor.low}, {"high", factor.high}});
}

Json row_of(const Item& item, const std::vector<const Column*>& columns) {
  Json row = Json::object();
  for (const Column* column : columns) {
    if (column->is_figure()) {
      add_figure(*column, column->derived(item), row);
      continue;
    }
    const std::string text = printable(column->text(item));
    if (text.empty()) continue;
    if (column->is_number())
      row[std::string(column->name)] = Json::parse(text);
    else
      row[std::string(column->name)] = text;
  }
  return row;
}

Json run_of(const Source& source) {
  const auto& run = source.document->run;
  Json out;
  for (const auto& [name, text] :
       {std::pair("run", source.label), std::pair("id", run.id),
        std::pair("started_utc", run.started_utc), std::pair("suite", run.suite.name),
        std::pair("ergon", run.ergon.version), std::pair("cpu", source.document->host.cpu.model)})
    if (!text.empty()) out[name] = printable(text);
  out["complete"] = run.complete;
  for (const std::string& warning : source.warnings) out["warnings"].push_back(printable(warning));
  return out;
}

}  // namespace

void write_json(const Table& table, std::ostream& out) {
  Json json{{"schema", "ergon-table/1"},
            {"runs", Json::array()},
            {"rows", Json::array()},
            {"notes", Json::array()}};
  for (const Source& source : table.sources) json["runs"].push_back(run_of(source));
  const auto columns = columns_for_programs(table);
  for (const Group& group : table.groups)
    for (const Item& item : group.items) json["rows"].push_back(row_of(item, columns));
  for (const Remark& remark : remarks(table))
    json["notes"].push_back({{"about", remark.label}, {"text", remark.text}});
  out << json.dump(1) << '\n';
}

}  // namespace ergon::report
