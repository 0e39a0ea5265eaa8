#include "bench/report/remarks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "bench/record/lookup.h"
#include "bench/report/arithmetic.h"
#include "bench/report/covers.h"
#include "bench/report/energy.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

using record::Row;
using Remarks = std::vector<Remark>;

class Shown {
 public:
  explicit Shown(const Table& table) {
    for (const Group& group : table.groups) {
      if (group.ceilings) continue;
      for (const Item& item : group.items) items.push_back(&item);
      columns.insert(group.columns.begin(), group.columns.end());
    }
  }
  bool any(std::initializer_list<std::string_view> names) const {
    return std::ranges::any_of(columns, [&](const Column* shown) {
      return std::ranges::find(names, shown->name) != names.end();
    });
  }
  bool any_figure() const {
    return std::ranges::any_of(columns, [](const Column* shown) { return shown->is_figure(); });
  }
  std::vector<const Item*> items;
  std::set<const Column*> columns;
};

/// One remark per distinct text, prefixed with its run where there are several.
class Collector {
 public:
  Collector(Remarks& out, bool several) : out_(out), several_(several) {}
  void add(const std::string& label, const std::string& run, const std::string& text) {
    if (!seen_.insert(label + '\n' + (several_ ? run + '\n' : "") + text).second) return;
    out_.push_back({label, several_ && !run.empty() ? run + ": " + text : text});
  }

 private:
  Remarks& out_;
  bool several_;
  std::set<std::string> seen_;
};

std::string counts(const std::map<std::string, int>& of) {
  std::vector<std::string> parts;
  for (const auto& [what, count] : of) parts.push_back(fmt::format("{} {}", count, what));
  return join(parts, ", ");
}

std::string number(std::size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string over_what(const std::string& interval) {
  if (interval == "rounds")
    return "over the rounds of one process, so another launch may differ by more";
  if (interval.starts_with("hull"))
    return "as the " + interval + ", too few to hold how launches differ with 95 %";
  return "over " + interval;
}

void add_intervals(const Shown& shown, Collector& out) {
  std::set<std::string> kinds;
  for (const Item* item : shown.items)
    if (item->row->interval95) kinds.insert(interval_text(*item->row));
  if (kinds.empty()) return;
  std::vector<std::string> parts;
  for (const std::string& kind : kinds)
    parts.push_back((kinds.size() > 1 ? "in some rows " : "") + over_what(kind));
  const std::string over = join(parts, "; ");
  out.add("Intervals", {},
          "± is half the 95 % order-statistic interval of the median relative to the figure, "
          "rounded up (-low/+high where the sides differ), " +
              over +
              ". Intervals of derived figures add the extremes of what they rest on. Shares of "
              "a ceiling are medians of the ratios within rounds, where six or more hold both.");
}

void add_rows(const Shown& shown, Collector& out) {
  std::map<std::string, int> statuses;
  std::size_t windows = 0, flagged = 0, unwatched = 0, again = 0, checked = 0, imported = 0;
  std::map<std::string, int> flags;
  for (const Item* item : shown.items) {
    ++statuses[item->row->status];
    if (item->row->imported_from) {
      ++imported;
    } else if (item->row->accuracy) {
      ++checked;
      again += item->row->accuracy->verified_after ? 1 : 0;
    }
    for (const auto& sample : item->row->samples) {
      ++windows;
      flagged += sample.flags.empty() ? 0 : 1;
      unwatched += sample.steal_seconds && sample.busy_seconds ? 0 : 1;
      for (const std::string& flag : sample.flags) ++flags[flag];
    }
  }
  // The good news first, the rest by name.
  std::string text;
  if (const auto ok = statuses.extract("ok"); !ok.empty())
    text = fmt::format("{} ok{}", ok.mapped(), statuses.empty() ? "" : ", ");
  text += counts(statuses) + ". ";
  text += fmt::format("Outputs checked in {} of {}, after timing too in {}. ", checked,
                      number(shown.items.size(), "row"), again);
  text += number(windows, "timed window");
  text += flagged == 0 ? ", none flagged or excluded."
                       : fmt::format(", {} flagged ({}), none excluded.", flagged, counts(flags));
  if (imported > 0)
    text += fmt::format(" {} imported from another tool: not measured or verified here.",
                        number(imported, "row"));
  // Nothing seen is no sign of a quiet machine where nothing could be seen.
  if (unwatched > 0)
    text += fmt::format(" Steal and other load could not be watched in {}.",
                        number(unwatched, "window"));
  out.add("Rows", {}, text);
}

std::string short_scope(const std::string& scope) {
  if (scope == "package") return "pkg";
  if (scope == "package+dram") return "pkg+dram";
  return scope;
}

std::string mark_of(const record::Meter& meter) {
  return fmt::format("[{} {}]", meter.provenance.substr(0, 1), short_scope(meter.scope));
}

std::string_view words_of(Joules joules) {
  switch (joules) {
    case Joules::idle:
      return "Above idle: what is drawn while nothing runs is taken off.";
    case Joules::marginal:
      return "Marginal: what more calls cost, of windows of N and 2 N.";
    case Joules::gross:
      break;
  }
  return "Gross: idle power is in it.";
}

/// Why a meter has no joules; empty where it has, or does not say.
std::string reason_of(const std::vector<const Row*>& rows, const std::string& meter) {
  for (const Row* row : rows)
    for (const record::Energy& extra : row->extra_meters)
      if (extra.meter == meter)
        for (const record::EnergySample& sample : extra.samples)
          if (!sample.joules) return sample.joules.reason();
  return {};
}

/// Of what it senses; empty where it senses nothing, or does not say.
std::string_view sensed_part(const record::Meter& meter) {
  return is_evidence(meter) ? part_text(meter.part) : std::string_view();
}

/// "nvml:0, of an accelerator,".
std::string with_part(const record::Meter& meter) {
  const std::string_view part = sensed_part(meter);
  return part.empty() ? meter.id : fmt::format("{}, of {},", meter.id, part);
}

/// What another meter said of the same windows.
std::string beside_text(const std::vector<const Row*>& rows, const std::string& primary,
                        const record::Meter& other) {
  const auto seen = residual(rows, primary, other.id);
  if (!seen) {
    const std::string why = reason_of(rows, other.id);
    return fmt::format("{} {} saw no window that {} did{}.", mark_of(other), with_part(other),
                       primary, why.empty() ? "" : ": " + why);
  }
  return fmt::format("{} {} tells {:.4g} times the joules of {} (median of {}, {:.4g} to {:.4g}).",
                     mark_of(other), with_part(other), seen->median, primary,
                     number(seen->windows, "window"), seen->low, seen->high);
}

std::string meter_text(const record::Meter& meter, Joules joules) {
  std::string text =
      fmt::format("{} {}: {}, scope {}", mark_of(meter), meter.id, meter.provenance, meter.scope);
  if (const std::string_view part = sensed_part(meter); !part.empty())
    text += fmt::format(", of {}", part);
  text +=
      meter.relative_uncertainty > 0
          ? fmt::format(
                ", calibration {}, shared by its rows",
                spread({1, 1 / (1 + meter.relative_uncertainty), 1 + meter.relative_uncertainty}))
          : std::string(", calibration error not stated");
  if (!meter.about.empty()) text += "; " + meter.about;
  if (meter.idle_watts)
    text += fmt::format("; idle {} W",
                        plain(holding(meter.idle_watts->value, meter.idle_watts->interval95)));
  text += ". ";
  text += is_evidence(meter)
              ? std::string(words_of(joules))
              : "A constant times time: it is no evidence, and nothing is ranked by it.";
  return text;
}

void add_energy(const Table& table, const Shown& shown, Collector& out) {
  for (const Item* item : shown.items) {
    if (without_figures(*item->row)) continue;
    const record::Meter* meter = meter_of(*item->document, *item->row);
    if (!meter) continue;
    if (const auto why = why_not_covered(*item->document, *item->row))
      out.add(
          "Energy", item->run,
          fmt::format("{} {}: the record keeps its joules, and such rows have no figures of them.",
                      mark_of(*meter), *why));
    else
      out.add("Energy", item->run, meter_text(*meter, table.options.energy.joules));
    std::vector<const Row*> rows;
    for (const Item* other : shown.items)
      if (other->document == item->document) rows.push_back(other->row);
    for (const record::Energy& extra : item->row->extra_meters)
      if (const record::Meter* other = record::find_meter(*item->document, extra.meter))
        out.add("Beside it", item->run, beside_text(rows, meter->id, *other));
  }
  for (const Source& source : table.sources) {
    std::vector<std::string> parts;
    for (const auto& other : source.document->unavailable_meters)
      parts.push_back(other.meter + ": " + other.reason +
                      (other.remedy.empty() ? "" : " (" + other.remedy + ")"));
    if (!parts.empty()) out.add("Not used", source.label, join(parts, "; ") + ".");
  }
  std::size_t flagged = 0, without = 0;
  for (const Item* item : shown.items)
    if (item->row->energy)
      for (const auto& sample : item->row->energy->samples) {
        flagged += sample.flags.empty() ? 0 : 1;
        without += sample.joules ? 0 : 1;
      }
  if (flagged + without > 0)
    out.add("Energy", {},
            fmt::format("{} flagged; {} without joules left out.", number(flagged, "energy window"),
                        without));
}

/// What the run took for this machine's files and libraries.
void add_stand_ins(const Table& table, Collector& out) {
  for (const Source& source : table.sources) {
    std::vector<std::string> parts;
    for (const char* name : {"ERGON_SYSFS", "ERGON_PROC", "ERGON_DEV", "ERGON_NVML"}) {
      const auto& variables = source.document->host.variables;
      if (const auto found = variables.find(name); found != variables.end())
        parts.push_back(found->first + "=" + found->second);
    }
    if (!parts.empty())
      out.add("Stand-in", source.label,
              join(parts, ", ") +
                  ": sensors and facts of the machine were read there, not from its own.");
  }
}

void add_prices(const Table& table, Collector& out) {
  if (table.options.pricing.usd_per_hour) {
    out.add(
        "Price", {},
        fmt::format("${} per hour, as given with --usd-per-hour, all of it charged to each row.",
                    *table.options.pricing.usd_per_hour));
    return;
  }
  for (const Source& source : table.sources) {
    const auto price = price_of(*source.document);
    if (!price) continue;
    const record::Price& used = **price;
    std::vector<std::string> parts = {fmt::format("{}: ${} per hour", used.id, *used.usd_per_hour)};
    if (used.usd_per_hour_range)
      parts.push_back(fmt::format("${} to ${} over other prices that fit",
                                  used.usd_per_hour_range->low, used.usd_per_hour_range->high));
    if (used.share != 1)
      parts.push_back(fmt::format("{} of it charged to each row", percent(exactly(used.share))));
    for (const std::string& part : {used.basis, used.kind, used.region}) {
      if (!part.empty()) parts.push_back(part);
    }
    if (!used.as_of.empty()) parts.push_back("as of " + used.as_of);
    if (!used.source.empty()) parts.push_back(used.source);
    if (!used.confidence.empty()) parts.push_back("confidence: " + used.confidence);
    if (!used.about.empty()) parts.push_back(used.about);
    out.add("Price", source.label, join(parts, ", ") + ".");
  }
}

std::string ceiling_text(const record::Ceiling& ceiling, const Item& item) {
  const double value = *ceiling.value_per_second;
  const Estimate estimate =
      ceiling.interval95 ? holding(value, *ceiling.interval95) : exactly(value);
  const std::string what = ceiling.what == "flops"
                               ? "peak " + ceiling.dtype
                               : ceiling.what.substr(ceiling.what.find('_') + 1) + " bandwidth";
  const std::string width_of_it = spread(estimate);
  return fmt::format("{} with {} on {}: {}{}{}", what, number(ceiling.threads, "thread"),
                     item.row->device, si(estimate, ceiling.what == "flops" ? "FLOP/s" : "B/s"),
                     width_of_it.empty() ? "" : " " + width_of_it,
                     ceiling.method.empty() ? "" : " (" + ceiling.method + ")");
}

void add_ceilings(const Shown& shown, Collector& out) {
  for (const Item* item : shown.items) {
    if (without_figures(*item->row)) continue;
    std::vector<std::string> bounds = {"flops"};
    if (const auto memory = record::memory_ceiling_of(*item->row)) bounds.push_back(*memory);
    for (const std::string& what : bounds) {
      const auto ceiling = ceiling_of(*item->document, *item->row, what);
      if (ceiling) out.add("Ceiling", item->run, ceiling_text(**ceiling, *item) + ".");
    }
  }
}

void add_cold(const Shown& shown, Collector& out) {
  std::map<std::string, std::map<std::string, std::pair<std::int64_t, std::int64_t>>> ranges;
  for (const Item* item : shown.items) {
    if (item->row->cache != "cold" || !item->row->cold || without_figures(*item->row)) continue;
    const auto& cold = *item->row->cold;
    const std::string last = cold.last_level_bytes
                                 ? si(exactly(static_cast<double>(*cold.last_level_bytes)), "B")
                                 : "of unknown size (" + cold.last_level_bytes.reason() + ")";
    auto [range, is_new] =
        ranges[item->run].try_emplace(last, cold.bytes_between_uses, cold.bytes_between_uses);
    range->second.first = std::min(range->second.first, cold.bytes_between_uses);
    range->second.second = std::max(range->second.second, cold.bytes_between_uses);
  }
  for (const auto& [run, by_size] : ranges)
    for (const auto& [last, range] : by_size) {
      const std::string least = si(exactly(static_cast<double>(range.first)), "B");
      const std::string most = si(exactly(static_cast<double>(range.second)), "B");
      out.add("Cold", run,
              fmt::format("between two uses of a buffer {} of others are touched; the "
                          "last-level cache is {}.",
                          least == most ? least : least + " to " + most, last));
    }
}

constexpr const char* errors_text =
    "both are ||got - expected|| / ||expected|| of the output. The quantization error is the "
    "format's: expected is the float64 product of the operands before they were quantized. The "
    "kernel error (--columns rel_l2) is the implementation's: expected is float64 arithmetic on "
    "the same dequantized values.";

constexpr const char* full_square_text =
    "FLOP/s counts the queries and keys that meet. Full-square FLOP/s counts every query with "
    "every key of its sequence, those that a mask leaves out too, as others do; it is no measure "
    "of the arithmetic units.";

std::string speedup_text(const Table& table) {
  const std::string text = "median of the ratios to " + table.options.baseline +
                           " within rounds, so drift of the machine cancels.";
  if (!table.baselines.chosen) return text;
  std::vector<std::string> parts;
  for (const auto& [implementation, rows] : table.baselines.rows)
    parts.push_back(fmt::format("{} of {}", implementation, number(rows, "row")));
  return text + " Of several that fit the fastest is taken: " + join(parts, ", ") + ".";
}

}  // namespace

std::string energy_mark(const Item& item) {
  const record::Meter* meter = meter_of(*item.document, *item.row);
  return meter ? mark_of(*meter) : std::string();
}

std::vector<Remark> remarks(const Table& table) {
  Remarks out;
  Collector collector(out, table.sources.size() > 1);
  const Shown shown(table);
  add_rows(shown, collector);
  add_stand_ins(table, collector);
  if (shown.any_figure()) add_intervals(shown, collector);
  if (std::ranges::any_of(shown.items, &Item::fastest))
    out.push_back({"*", "fastest of its workload: its interval is clear of every other's."});
  if (shown.any({"speedup"})) out.push_back({"Speedup", speedup_text(table)});
  if (shown.any({"quantization_rel_l2"})) out.push_back({"Errors", errors_text});
  if (shown.any({"full_square_flops_per_second"})) out.push_back({"Square", full_square_text});
  if (std::ranges::any_of(shown.columns, &Column::is_energy)) add_energy(table, shown, collector);
  if (shown.any({"usd_per_hour", "flops_per_usd", "tokens_per_usd"})) add_prices(table, collector);
  if (shown.any({"peak_fraction", "bandwidth_fraction", "roofline_fraction"}))
    add_ceilings(shown, collector);
  add_cold(shown, collector);
  for (Remark& remark : out) remark.text = printable(remark.text);
  return out;
}

}  // namespace ergon::report
