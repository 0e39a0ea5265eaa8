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

Derived speedup(const Item& item, const std::vector<const Item*>& candidates,
                const std::string& selector) {
  const auto absent = [](std::string reason) { return Derived{Absent{std::move(reason)}, {}}; };
  if (const auto why = without_figures(*item.row)) return absent(*why);
  if (record::is_ceiling(*item.row)) return absent("a ceiling has no baseline");
  std::vector<const Item*> fitting;
  for (const Item* candidate : candidates)
    if (same_conditions(item, *candidate)) fitting.push_back(candidate);
  if (fitting.empty())
    return absent(fmt::format("no row of '{}' with this workload, device and threads", selector));
  if (fitting.size() > 1)
    return absent(fmt::format("{} rows of this workload fit '{}': say backend:name:variant",
                              fitting.size(), selector));
  const Item& baseline = *fitting.front();
  if (const auto why = without_figures(*baseline.row)) return absent("the baseline is " + *why);
  if (baseline.row == item.row) return {Estimate{1, 1, 1}, {}};
  const auto ratio = paired_seconds(*item.row, *baseline.row);
  if (!ratio) return absent(ratio.reason());
  return {ratio->estimate, {}};
}

}  // namespace

void set_speedups(std::vector<Item>& items, const std::string& selector) {
  std::vector<const Item*> candidates;
  for (const Item& item : items)
    if (selects(selector, item.row->implementation)) candidates.push_back(&item);
  if (candidates.empty())
    throw UserError({"command line", 0, "--baseline"},
                    "no row's implementation is '" + selector + "'");
  for (Item& item : items) item.figures.speedup = speedup(item, candidates, selector);
}

}  // namespace ergon::report
