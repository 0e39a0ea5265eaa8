// A comparison as text for people and as JSON for programs.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "bench/report/arithmetic.h"
#include "bench/report/columns.h"
#include "bench/report/compare.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

using record::Row;

std::string title(const Row& row) {
  return printable(case_text(row) + " · " + dtype_text(row) + " · " + row.cache);
}

/// "+1.2 % [+0.9, +1.5]": new against base.
std::string change(const Judgement& judgement) {
  if (!judgement.ratio) return "—";
  const Estimate& ratio = judgement.ratio->estimate;
  return fmt::format("{:+.1f} % [{:+.1f}, {:+.1f}]", (ratio.value - 1) * 100, (ratio.low - 1) * 100,
                     (ratio.high - 1) * 100);
}

std::string seconds_of(const Row& row) {
  if (without_figures(row)) return row.status;
  return row.median ? si(exactly(*row.median), "s") : "—";
}

std::string implementations(const ComparedRow& row) {
  const std::string base = implementation_text(row.base->implementation);
  const std::string fresh = implementation_text(row.fresh->implementation);
  return printable(base == fresh ? base : base + " / " + fresh);
}

bool any_joules(const Comparison& comparison) {
  for (const ComparedRow& row : comparison.rows)
    if (row.joules.ratio) return true;
  return comparison.options.measure == Measure::joules;
}

std::vector<std::string> cells(const ComparedRow& row, bool joules) {
  std::vector<std::string> out = {"  " + implementations(row),
                                  std::to_string(row.base->threads),
                                  row.base->device,
                                  seconds_of(*row.base),
                                  seconds_of(*row.fresh),
                                  change(row.seconds),
                                  verdict_text(row, Measure::seconds)};
  if (joules) {
    out.push_back(change(row.joules));
    out.push_back(verdict_text(row, Measure::joules));
  }
  return out;
}

std::string how(const ComparedRow& row, Measure measure) {
  const Judgement& judgement = row.by(measure);
  if (!judgement.ratio) return judgement.why;
  return judgement.ratio->how + (judgement.why.empty() ? "" : "; " + judgement.why);
}

void write_rows(const Comparison& comparison, std::ostream& out) {
  const bool joules = any_joules(comparison);
  std::vector<std::string> header = {"  implementation", "threads", "device", "base", "new",
                                     "change of time",   "verdict"};
  if (joules) header.insert(header.end(), {"change of joules", "verdict"});
  header.emplace_back("how");
  std::vector<std::vector<std::string>> lines = {header};
  for (const ComparedRow& row : comparison.rows) {
    lines.push_back(cells(row, joules));
    lines.back().push_back(printable(how(row, comparison.options.measure)));
  }
  const std::vector<std::string> texts = aligned(lines);
  out << texts.front() << '\n';
  std::string last;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    const std::string now = title(*comparison.rows[i].base);
    if (now != last) out << now << '\n';
    last = now;
    out << texts[i + 1] << '\n';
  }
}

void write_only(const std::string& label, const std::vector<std::string>& keys, std::ostream& out) {
  if (keys.empty()) return;
  out << "\nonly in " << printable(label) << ":\n";
  for (const std::string& key : keys) out << "  " << printable(key) << '\n';
}

std::string summary(const Comparison& comparison) {
  std::map<std::string, int> counts;
  for (const ComparedRow& row : comparison.rows)
    ++counts[verdict_text(row, comparison.options.measure)];
  std::vector<std::string> parts;
  for (const auto& [what, count] : counts) parts.push_back(fmt::format("{} {}", count, what));
  static const std::map<int, std::string> words = {
      {0, "the same or better"}, {1, "worse"}, {3, "cannot tell"}};
  return fmt::format("{} of {} rows: {}. Altogether: {}.",
                     comparison.options.measure == Measure::seconds ? "Time" : "Energy",
                     comparison.rows.size(), join(parts, ", "), words.at(exit_code(comparison)));
}

/// Why joules are not compared, each reason once.
std::string no_joules(const Comparison& comparison) {
  std::set<std::string> reasons;
  for (const ComparedRow& row : comparison.rows)
    if (!without_figures(*row.base) && !without_figures(*row.fresh)) reasons.insert(row.joules.why);
  return join({reasons.begin(), reasons.end()}, "; ");
}

/// Whether an interval rests on windows of records whose launches are too few to be samples.
bool any_within_launches(const Comparison& comparison) {
  if (comparison.base_document == comparison.fresh_document) return false;
  return std::any_of(comparison.rows.begin(), comparison.rows.end(), [](const ComparedRow& row) {
    return row.seconds.ratio && !row.seconds.ratio->spans_launches;
  });
}

nlohmann::ordered_json judgement_json(const ComparedRow& row, Measure measure) {
  const Judgement& judgement = row.by(measure);
  nlohmann::ordered_json out{{"verdict", verdict_text(row, measure)}};
  if (judgement.ratio) {
    out["ratio"] = judgement.ratio->estimate.value;
    out["ratio_low"] = judgement.ratio->estimate.low;
    out["ratio_high"] = judgement.ratio->estimate.high;
    out["how"] = judgement.ratio->how;
    if (judgement.ratio->sign_test_p) out["sign_test_p"] = *judgement.ratio->sign_test_p;
  } else {
    out["ratio"] = {{"absent", printable(judgement.why)}};
  }
  return out;
}

}  // namespace

void write_comparison(const Comparison& comparison, std::ostream& out) {
  out << "base  " << printable(comparison.base) << "\nnew   " << printable(comparison.fresh)
      << '\n';
  for (const std::string& text : comparison.differences)
    out << "differs: " << printable(text) << '\n';
  for (const std::string& text : comparison.warnings) out << "WARNING: " << printable(text) << '\n';
  out << '\n';
  write_rows(comparison, out);
  write_only(comparison.base, comparison.only_base, out);
  write_only(comparison.fresh, comparison.only_fresh, out);
  out << '\n' << summary(comparison) << '\n';
  const std::string why = no_joules(comparison);
  if (!any_joules(comparison) && !why.empty())
    out << "Energy of every row: cannot tell: " << printable(why) << ".\n";
  std::string rule = fmt::format(
      "Changes are new against base with their 95 % intervals; the verdict is whether the whole "
      "interval lies beyond, or within, a margin of {:g} %.",
      comparison.options.margin * 100);
  if (comparison.options.launch_spread > 0 && any_within_launches(comparison))
    rule += fmt::format(
        " Windows of fewer than six launches a side do not hold how launches differ: those "
        "intervals are widened by {:g} % (--launch-spread); `run --launches 6`, or compare --live, "
        "measures it.",
        comparison.options.launch_spread * 100);
  for (const std::string& line : wrap(rule, 120)) out << line << '\n';
}

void write_comparison_json(const Comparison& comparison, std::ostream& out) {
  using Json = nlohmann::ordered_json;
  Json json{{"schema", "ergon-comparison/1"},
            {"base", printable(comparison.base)},
            {"new", printable(comparison.fresh)},
            {"margin", comparison.options.margin},
            {"launch_spread", comparison.options.launch_spread},
            {"measure", comparison.options.measure == Measure::seconds ? "seconds" : "joules"},
            {"exit_code", exit_code(comparison)},
            {"differences", Json::array()},
            {"warnings", Json::array()},
            {"rows", Json::array()},
            {"only_base", Json::array()},
            {"only_new", Json::array()}};
  for (const auto& text : comparison.differences) json["differences"].push_back(printable(text));
  for (const auto& text : comparison.warnings) json["warnings"].push_back(printable(text));
  for (const auto& key : comparison.only_base) json["only_base"].push_back(printable(key));
  for (const auto& key : comparison.only_fresh) json["only_new"].push_back(printable(key));
  for (const ComparedRow& row : comparison.rows)
    json["rows"].push_back({{"base", printable(record::key(*row.base))},
                            {"new", printable(record::key(*row.fresh))},
                            {"seconds", judgement_json(row, Measure::seconds)},
                            {"joules", judgement_json(row, Measure::joules)}});
  out << json.dump(1) << '\n';
}

}  // namespace ergon::report
