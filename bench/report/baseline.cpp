#include "bench/report/baseline.h"
#include "bench/record/lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/base/error.h"
#include "bench/report/pair.h"

namespace ergon::report {
namespace {

using record::Row;

bool same_conditions(const Item& a, const Item& b) {
  return a.document == b.document && a.row->case_name == b.row->case_name &&
         dtype_text(*a.row) == dtype_text(*b.row) && a.row->device == b.row->device &&
         a.row->threads == b.row->threads && a.row->cache == b.row->cache;
}

bool is_faster(const Item& a, const Item& b) {
  const auto &a_seconds = a.figures.seconds_per_call.figure,
             &b_seconds = b.figures.seconds_per_call.figure;
  return a_seconds && (!b_seconds || a_seconds->value < b_seconds->value);
}

std::vector<const Item*> fitting(const Item& item, const std::vector<const Item*>& candidates) {
  std::vector<const Item*> out;
  for (const Item* candidate : candidates)
    if (same_conditions(item, *candidate)) out.push_back(candidate);
  return out;
}

/// nullptr of none; one without figures where none has any.
const Item* fastest(const std::vector<const Item*>& rows) {
  const auto best = std::ranges::min_element(
      rows, [](const Item* a, const Item* b) { return is_faster(*a, *b); });
  return best == rows.end() ? nullptr : *best;
}

Derived speedup(const Item& item, const Item* baseline, const std::string& selector) {
  const auto absent = [](std::string reason) { return Derived{Absent{std::move(reason)}, {}}; };
  if (const auto why = without_figures(*item.row)) return absent(*why);
  if (record::is_ceiling(*item.row)) return absent("a ceiling has no baseline");
  if (!baseline)
    return absent(fmt::format("no row of '{}' with this workload, device and threads", selector));
  if (const auto why = without_figures(*baseline->row)) return absent("the baseline is " + *why);
  if (baseline->row == item.row) return {Estimate{1, 1, 1}, {}};
  const auto ratio = paired_seconds(*item.row, *baseline->row);
  if (!ratio) return absent(ratio.reason());
  return {ratio->estimate, {}};
}

/// Throws with the first reason where no row got a speedup.
void require_any(const std::vector<Item>& items, const std::string& selector) {
  std::string reason;
  for (const Item& item : items) {
    if (item.figures.speedup.figure) return;
    if (reason.empty() && !without_figures(*item.row) && !record::is_ceiling(*item.row))
      reason = item.figures.speedup.figure.reason();
  }
  throw UserError(
      {"command line", 0, "--baseline"},
      "no row can be compared with '" + selector + "'" + (reason.empty() ? "" : ": " + reason));
}

}  // namespace

Baselines set_speedups(std::vector<Item>& items, const std::string& selector) {
  std::vector<const Item*> candidates;
  for (const Item& item : items)
    if (selects(selector, item.row->implementation)) candidates.push_back(&item);
  if (candidates.empty())
    throw UserError({"command line", 0, "--baseline"},
                    "no row's implementation is '" + selector + "'");
  Baselines used;
  for (Item& item : items) {
    const auto rows = fitting(item, candidates);
    const Item* baseline = fastest(rows);
    item.figures.speedup = speedup(item, baseline, selector);
    if (!item.figures.speedup.figure) continue;
    ++used.rows[implementation_text(baseline->row->implementation)];
    used.chosen = used.chosen || rows.size() > 1;
  }
  require_any(items, selector);
  return used;
}

}  // namespace ergon::report
