#include "bench/report/table.h"
#include "bench/record/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "bench/base/error.h"
#include "bench/report/arithmetic.h"
#include "bench/report/baseline.h"
#include "bench/report/conditions.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

using record::Row;

std::vector<const Column*> named(const FieldColumns& fields, const std::vector<std::string>& names,
                                 const std::string& option) {
  std::vector<const Column*> out;
  for (const std::string& name : names) out.push_back(&fields.find(name, option));
  return out;
}

std::vector<const Column*> group_keys(const FieldColumns& fields, const ReportOptions& options) {
  if (options.group_by.empty()) return named(fields, {"case", "dtype", "cache"}, "--group-by");
  const auto keys = named(fields, options.group_by, "--group-by");
  for (const Column* key : keys)
    if (key->is_figure())
      throw UserError(
          {"command line", 0, "--group-by"},
          "'" + std::string(key->name) + "' is a figure; rows are grouped by what they are");
  return keys;
}

std::string warnings_of(const Source& source) {
  std::vector<std::string> all = source.warnings;
  if (!source.document->run.complete) all.emplace_back(incomplete);
  return join(all, "; ");
}

std::vector<Item> items_of(std::span<const Source> sources, const ReportOptions& options) {
  std::vector<Item> items;
  for (const Source& source : sources) {
    const std::string warnings = warnings_of(source);
    for (const Row& row : source.document->rows)
      items.push_back({source.document, &row, source.label, warnings,
                       derive(*source.document, row, options.pricing, options.energy), false});
  }
  return items;
}

std::string title_part(const Column& key, const Item& item) {
  if (key.name == "case") return case_text(*item.row);
  if (key.name == "threads")
    return key.text(item) + (item.row->threads == 1 ? " thread" : " threads");
  const std::string text = key.text(item);
  if (text.empty()) return "no " + std::string(key.header);
  return key.is_field() ? std::string(key.name) + "=" + text : text;
}

std::vector<Group> grouped(const std::vector<Item>& items, const std::vector<const Column*>& keys) {
  std::vector<Group> groups;
  std::map<std::vector<std::string>, std::size_t> places;
  for (const Item& item : items) {
    std::vector<std::string> key, title;
    key.emplace_back(record::is_ceiling(*item.row) ? "ceiling" : "");
    for (const Column* part : keys) {
      key.push_back(part->text(item));
      title.push_back(title_part(*part, item));
    }
    const auto [place, is_new] = places.emplace(key, groups.size());
    if (is_new) groups.push_back({join(title, " · "), {}, record::is_ceiling(*item.row), {}, {}});
    groups[place->second].items.push_back(item);
  }
  return groups;
}

/// Whether rows are told apart by their workloads' fields: of one kernel, and not one case by
/// title.
bool told_by_fields(const Group& group, const std::vector<const Column*>& keys) {
  const Row& first = *group.items.front().row;
  return !group.ceilings &&
         std::ranges::none_of(keys, [](const Column* key) { return key->name == "case"; }) &&
         std::ranges::all_of(group.items, [&](const Item& item) {
           return item.row->kernel == first.kernel && !item.row->workload.empty();
         });
}

bool same_work(const Group& group) {
  return std::ranges::all_of(group.items, [&](const Item& item) {
    const auto &work = item.row->work, &first = group.items.front().row->work;
    return work.flops == first.flops && work.bytes == first.bytes && work.tokens == first.tokens &&
           work.bits_per_weight == first.bits_per_weight &&
           work.kv_bytes_per_token == first.kv_bytes_per_token &&
           work.full_square_flops == first.full_square_flops;
  });
}

std::string work_text(const Group& group) {
  if (!same_work(group)) return {};
  const auto& work = group.items.front().row->work;
  std::vector<std::string> parts;
  if (work.flops > 0) parts.push_back(si(exactly(work.flops), "FLOP"));
  if (work.bytes > 0) parts.push_back(si(exactly(work.bytes), "B"));
  if (work.tokens)
    parts.push_back(fmt::format("{} token{}", *work.tokens, *work.tokens == 1 ? "" : "s"));
  if (parts.empty()) return {};
  parts.back() += " per call";
  if (work.flops > 0 && work.bytes > 0)
    parts.push_back(plain(exactly(work.flops / work.bytes)) + " FLOP/B");
  if (work.bits_per_weight)
    parts.push_back(fmt::format("{:.4g} bits/weight", *work.bits_per_weight));
  if (work.kv_bytes_per_token)
    parts.push_back(fmt::format("KV {} B/token", *work.kv_bytes_per_token));
  if (skips_pairs(*group.items.front().row))
    parts.push_back("full square " + si(exactly(*work.full_square_flops), "FLOP"));
  return join(parts, ", ");
}

std::string about(const Group& group, const std::vector<const Column*>& keys) {
  std::string work = work_text(group);
  if (!told_by_fields(group, keys)) return work;
  return common_case(group.items) + (work.empty() ? "" : ": ") + work;
}

bool same_workload(const Group& group) {
  return std::ranges::all_of(group.items, [&](const Item& item) {
    const Row& first = *group.items.front().row;
    return item.row->case_name == first.case_name && dtype_text(*item.row) == dtype_text(first) &&
           item.row->cache == first.cache;
  });
}

void mark_fastest(Group& group) {
  if (group.ceilings || !same_workload(group)) return;
  std::vector<Item*> timed;
  for (Item& item : group.items)
    if (item.figures.seconds_per_call.figure) timed.push_back(&item);
  if (timed.size() < 2) return;
  Item* best = *std::ranges::min_element(
      timed, {}, [](const Item* item) { return item->figures.seconds_per_call.figure->value; });
  const double high = best->figures.seconds_per_call.figure->high;
  best->fastest = best->row->status == "ok" && std::ranges::all_of(timed, [&](const Item* item) {
                    return item == best || item->figures.seconds_per_call.figure->low > high;
                  });
}

/// Streams are told in bytes per second: every row whose bound is known is bound by memory.
bool told_in_bytes(const Group& group) {
  bool any = false;
  for (const Item& item : group.items) {
    const Maybe<bool> bound = is_memory_bound(*item.document, *item.row);
    if (bound && !*bound) return false;
    any = any || bound.has_value();
  }
  return any;
}

struct Seen {
  bool runs = false, devices = false;
};

Seen look_over(const std::vector<Item>& items) {
  std::set<std::string> runs, devices;
  Seen seen;
  for (const Item& item : items) {
    runs.insert(item.run);
    devices.insert(item.row->device);
  }
  seen.runs = runs.size() > 1;
  seen.devices = devices.size() > 1;
  return seen;
}

std::size_t count_filled(const Group& group, const char* name) {
  const Column& one = column(name, "");
  return static_cast<std::size_t>(std::ranges::count_if(
      group.items, [&](const Item& item) { return !one.text(item).empty(); }));
}

std::vector<const Column*> default_columns(const FieldColumns& fields, const Group& group,
                                           const Seen& seen, const std::vector<const Column*>& keys,
                                           bool baseline) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view name, bool wanted = true) {
    const bool is_key =
        std::ranges::any_of(keys, [&](const Column* key) { return key->name == name; });
    if (wanted && !is_key) names.emplace_back(name);
  };
  add("run", seen.runs);
  const bool by_fields = told_by_fields(group, keys);
  if (by_fields)
    for (const Column* one : fields.differing(group.items)) add(one->name);
  add("case", !by_fields);
  add("dtype");
  add("cache");
  add("device", seen.devices);
  add("implementation");
  add("threads");
  // What is the same for all stands above them.
  add("bits_per_weight", !same_work(group) && count_filled(group, "bits_per_weight") > 0);
  add("kv_bytes_per_token", !same_work(group) && count_filled(group, "kv_bytes_per_token") > 0);
  add("quantization_rel_l2", count_filled(group, "quantization_rel_l2") > 0);
  add("seconds_per_call");
  // Where every row counts tokens, joules and dollars are told by them alone: there is no room for
  // more.
  const std::size_t with_tokens = count_filled(group, "tokens");
  const bool any_tokens = with_tokens > 0, only_tokens = with_tokens == group.items.size();
  add("tokens_per_second", any_tokens);
  const bool in_bytes = told_in_bytes(group);
  add(in_bytes ? "bytes_per_second" : "flops_per_second");
  add("full_square_flops_per_second",
      !in_bytes && std::ranges::any_of(group.items,
                                       [](const Item& item) { return skips_pairs(*item.row); }));
  add("roofline_fraction");
  add("watts", !only_tokens);
  add("flops_per_joule", !only_tokens);
  add("tokens_per_joule", any_tokens);
  add("flops_per_usd", !only_tokens);
  add("tokens_per_usd", any_tokens);
  add("speedup", baseline);
  add("status");
  return named(fields, names, "");
}

struct Order {
  const Column* by = nullptr;
  bool descending = false;
};

Order parse_sort(const FieldColumns& fields, const std::string& text) {
  Order order;
  if (text.empty()) return order;
  const std::size_t colon = text.find(':');
  order.by = &fields.find(text.substr(0, colon), "--sort");
  if (colon == std::string::npos) return order;
  const std::string direction = text.substr(colon + 1);
  if (direction != "desc" && direction != "asc")
    throw UserError({"command line", 0, "--sort"},
                    "'" + direction + "' is neither \"asc\" nor \"desc\"");
  order.descending = direction == "desc";
  return order;
}

void refuse_ranking_without_evidence(const Order& order, const std::vector<Item>& items) {
  if (!order.by || !order.by->is_energy()) return;
  for (const Item& item : items) {
    const record::Meter* meter = meter_of(*item.document, *item.row);
    if (meter && !is_evidence(*meter))
      throw CannotTell(fmt::format("--sort {}: the energy of {} is {}, a constant times time",
                                   order.by->name, case_text(*item.row), meter->provenance));
  }
}

/// Numbers as numbers; rows without the figure come last either way.
void sort_by(const Order& order, std::vector<Item>& items) {
  const auto sign = order.descending ? -1.0 : 1.0;
  const auto rank = [&](const Item& item) {
    if (order.by->is_figure()) {
      const auto& figure = order.by->derived(item).figure;
      return std::tuple(!figure, figure ? sign * figure->value : 0.0, std::string());
    }
    const std::string text = order.by->text(item);
    if (order.by->is_number())
      return std::tuple(text.empty(), text.empty() ? 0.0 : sign * std::stod(text), std::string());
    return std::tuple(text.empty(), 0.0, text);
  };
  const bool reversed = order.descending && order.by->kind == Kind::text;
  std::ranges::stable_sort(items, [&](const Item& a, const Item& b) {
    return reversed ? rank(b) < rank(a) : rank(a) < rank(b);
  });
}

/// Implementations in the order they were first run, each by threads.
void sort_as_run(const std::vector<Item>& all, std::vector<Item>& items) {
  std::map<std::string, std::size_t> first;
  for (const Item& item : all)
    first.emplace(implementation_text(item.row->implementation), first.size());
  std::ranges::stable_sort(items, {}, [&](const Item& item) {
    return std::tuple(first.at(implementation_text(item.row->implementation)), item.row->device,
                      item.row->threads);
  });
}

}  // namespace

Table make_table(std::span<const Source> sources, const ReportOptions& options) {
  Table table{.sources = {sources.begin(), sources.end()}, .options = options, .groups = {}};
  std::vector<Item> items = items_of(sources, options);
  table.fields = std::make_shared<const FieldColumns>(items);
  const FieldColumns& fields = *table.fields;
  const auto keys = group_keys(fields, options);
  const auto chosen = named(fields, options.columns, "--columns");
  const Order order = parse_sort(fields, options.sort);
  refuse_ranking_without_evidence(order, items);
  if (!options.baseline.empty()) table.baselines = set_speedups(items, options.baseline);

  const Seen seen = look_over(items);
  table.groups = grouped(items, keys);
  for (Group& group : table.groups) {
    group.about = about(group, keys);
    group.columns = chosen.empty()
                        ? default_columns(fields, group, seen, keys, !options.baseline.empty())
                        : chosen;
    if (order.by)
      sort_by(order, group.items);
    else
      sort_as_run(items, group.items);
    mark_fastest(group);
  }
  return table;
}

std::vector<const Column*> columns_for_programs(const Table& table) {
  std::vector<const Column*> out;
  if (table.options.columns.empty()) {
    for (const Column& one : columns()) out.push_back(&one);
    return out;
  }
  out = named(*table.fields, table.options.columns, "--columns");
  std::vector<std::string> markings;
  if (std::ranges::any_of(out, &Column::is_energy))
    markings = {"energy_meter", "energy_part", "energy_scope", "energy_provenance",
                "energy_relative_uncertainty"};
  if (std::ranges::any_of(table.sources, [](const Source& s) { return !warnings_of(s).empty(); }))
    markings.emplace_back("record_warnings");
  for (const std::string& name : markings) {
    const Column* marking = &column(name, "--columns");
    if (std::ranges::find(out, marking) == out.end()) out.push_back(marking);
  }
  return out;
}

}  // namespace ergon::report
