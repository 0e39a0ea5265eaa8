#include "bench/cli/list_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace ergon::cli {
namespace {

using measure::Case;

std::string si(double value) {
  static constexpr const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  int at = 0;
  while (value >= 999.5 && at < 5) {
    value /= 1000;
    ++at;
  }
  return fmt::format("{:.3g} {}", value, prefixes[at]);
}

std::string plain(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

std::size_t footprint(const Case& what) {
  const std::size_t slots = what.cold ? measure::cold_slots(*what.workload, *what.device) : 1;
  const Footprint own =
      what.implementation->footprint(*what.workload, {what.device, what.threads, slots});
  return own.once + slots * (own.per_slot + slot_bytes(what.family->operands(*what.workload)));
}

struct Column {
  const char* header;
  std::string (*cell)(const Case&);
};

constexpr Column columns[] = {
    {"FLOP", [](const Case& what) { return si(what.workload->work().flops); }},
    {"bytes", [](const Case& what) { return si(what.workload->work().bytes) + "B"; }},
    {"tokens", [](const Case& what) { return plain(what.workload->work().tokens); }},
    {"bits/weight", [](const Case& what) { return plain(what.workload->bits_per_weight()); }},
    {"KV B/token", [](const Case& what) { return plain(what.workload->kv_bytes_per_token()); }},
    {"footprint", [](const Case& what) { return si(static_cast<double>(footprint(what))) + "B"; }}};

std::vector<Column> filled_columns(const std::vector<Case>& cases) {
  std::vector<Column> out;
  for (const Column& column : columns)
    if (std::any_of(cases.begin(), cases.end(), [&column](const Case& what) {
          return !what.skip && !column.cell(what).empty();
        }))
      out.push_back(column);
  return out;
}

std::string cell_text(const Column& column, const std::string& content) {
  constexpr std::size_t least = 9;
  return fmt::format("  {:>{}}", content, std::max(least, std::string_view(column.header).size()));
}

}  // namespace

std::string list_text(const std::vector<Case>& cases) {
  const std::vector<Column> shown = filled_columns(cases);
  std::size_t names = 4;
  for (const Case& what : cases)
    if (!what.skip) names = std::max(names, what.name().size());
  std::string text = fmt::format("{:<{}}", "case", names), skipped;
  for (const Column& column : shown) text += cell_text(column, column.header);
  text += '\n';
  for (const Case& what : cases) {
    if (what.skip) {
      skipped += "  " + what.name() + ": " + *what.skip + "\n";
      continue;
    }
    text += fmt::format("{:<{}}", what.name(), names);
    for (const Column& column : shown) text += cell_text(column, column.cell(what));
    text += '\n';
  }
  return skipped.empty() ? text : text + "\nnot here:\n" + skipped;
}

}  // namespace ergon::cli
