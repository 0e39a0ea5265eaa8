// What each row, ceiling, meter and price says must follow from what it rests on.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "bench/base/sha256.h"
#include "bench/record/ceiling_share.h"
#include "bench/record/lookup.h"
#include "bench/record/status.h"
#include "bench/record/verify_parts.h"
#include "bench/stats/stats.h"

namespace ergon::record {
namespace {

constexpr double rounding = 1e-9;  // relative, of doubles that took another way

bool agree(double a, double b) {
  return a == b || std::abs(a - b) <= rounding * std::max(std::abs(a), std::abs(b));
}
bool agree(const Interval& a, const Interval& b) {
  return agree(a.low, b.low) && agree(a.high, b.high);
}
template <class T>
bool agree(const Maybe<T>& a, const Maybe<T>& b) {
  return a && b ? agree(*a, *b) : a.has_value() == b.has_value();
}

std::string text(const Maybe<double>& value) {
  if (!value) return "absent";
  char out[32];
  std::snprintf(out, sizeof out, "%.9g", *value);
  return out;
}
std::string text(const Maybe<Interval>& value) {
  return value ? "[" + text(value->low) + ", " + text(value->high) + "]" : "absent";
}

bool made_by_another_method(const Run& run) {
  return !run.interval_method.empty() && run.interval_method != stats::interval_method;
}

bool judged_by_another_rule(const Run& run) {
  return !run.ceiling_rule.empty() && run.ceiling_rule != ceiling_rule;
}

/// Of a record that names no method: its interval is what builds gave that ignored dependence.
bool is_older_interval(const Document& document, const Row& row) {
  return document.run.interval_method.empty() &&
         agree(row.interval95, summarise(row.samples, stats::Dependence::ignored).interval95);
}

/// Findings about one row.
class RowCheck {
 public:
  RowCheck(const Document& document, std::size_t index, Findings& findings)
      : document_(document), row_(document.rows[index]), index_(index), findings_(findings) {}

  void all() {
    if (samples_usable()) {
      summary();
      status();
    }
    reason();
    case_name();
    references();
    provenance();
    accuracy();
    energy();
  }

 private:
  void found(const std::string& below, const std::string& what) {
    findings_.push_back({row_place(document_, index_, below), what});
  }

  bool samples_usable() {
    bool usable = true;
    for (std::size_t i = 0; i < row_.samples.size(); ++i) {
      const TimeSample& sample = row_.samples[i];
      if (sample.calls > 0 && sample.seconds > 0) continue;
      found("/time/samples/" + std::to_string(i), "a window without calls or without seconds");
      usable = false;
    }
    return usable;
  }

  void summary() {
    if (row_.samples.empty()) {
      if (row_.median && !row_.imported_from) found("/time/median", "a median without samples");
      return;
    }
    const Summary summary = summarise(row_.samples);
    if (!agree(row_.median, summary.median))
      found("/time/median",
            "is " + text(row_.median) + "; the samples give " + text(summary.median));
    if (made_by_another_method(document_.run)) return other_interval();
    if (!agree(row_.interval95, summary.interval95) && !is_older_interval(document_, row_))
      found("/time/interval95",
            "is " + text(row_.interval95) + "; the samples give " + text(summary.interval95));
    const bool old = document_.run.interval_method.empty();
    const std::string kind = old ? interval_kind_of(row_) : row_.interval_kind;
    if (kind != summary.interval_kind)
      found("/time/interval_kind",
            "is '" + row_.interval_kind + "'; the samples give '" + summary.interval_kind + "'");
  }

  /// What any method's interval does.
  void other_interval() {
    if (!row_.interval95 || !row_.median) return;
    if (!(row_.interval95->low <= *row_.median && *row_.median <= row_.interval95->high))
      found("/time/interval95", "is " + text(row_.interval95) + ", which does not hold the median");
  }

  void status() {
    if (row_.status == "skipped") {
      if (!row_.samples.empty()) found("/status", "skipped, yet it has samples");
      return;
    }
    const Status facts = status_from_facts(document_, row_);
    if (row_.status == facts.status) return;
    // A fault need not leave a trace in the figures, but one that passed every check had none.
    const bool fault = row_.status == "failed" || row_.status == "wrong";
    const bool passed = facts.status != "failed" && facts.status != "wrong";
    if (fault && !passed) return;
    const bool impossible = row_.status == "impossible" || facts.status == "impossible";
    if (!fault && passed && impossible && judged_by_another_rule(document_.run)) return;
    found("/status", "is '" + row_.status + "'; the facts give '" + facts.status + "'" +
                         (facts.reason.empty() ? "" : ": " + facts.reason));
  }

  void reason() {
    if (row_.status != "ok" && row_.reason.empty()) found("/reason", "missing");
    if (row_.status == "ok" && !row_.reason.empty()) found("/reason", "an ok row needs none");
  }

  /// "gemm/m=8,n=64": the kernel, then fields that the workload repeats.
  void case_name() {
    const std::string& name = row_.case_name;
    const auto slash = name.find('/');
    if (name.substr(0, slash) != row_.kernel)
      found("/case", "names another kernel than '" + row_.kernel + "'");
    if (slash == std::string::npos) return;
    for (std::size_t at = slash + 1; at < name.size();) {
      const auto end = std::min(name.find(',', at), name.size());
      const std::string part = name.substr(at, end - at);
      const auto equals = part.find('=');
      if (equals != std::string::npos && !says(part.substr(0, equals), part.substr(equals + 1)))
        found("/workload", "does not say " + part + " as the case does");
      at = end + 1;
    }
  }

  bool says(const std::string& field, const std::string& wanted) const {
    for (const auto& [name, value] : row_.workload) {
      if (name != field) continue;
      if (const auto* integer = std::get_if<std::int64_t>(&value))
        return std::to_string(*integer) == wanted;
      if (const auto* real = std::get_if<double>(&value))
        return std::strtod(wanted.c_str(), nullptr) == *real;
      if (const auto* flag = std::get_if<bool>(&value)) return wanted == (*flag ? "true" : "false");
      return std::get<std::string>(value) == wanted;
    }
    return false;
  }

  void references() {
    if (row_.status != "skipped" && !row_.imported_from && !find_device(document_, row_.device))
      found("/device", "'" + row_.device + "' is not among the devices");
    if (row_.cold && row_.cache != "cold") found("/cold", "a warm row has none");
    if (!row_.cold && row_.cache == "cold" && !row_.samples.empty() && !row_.imported_from)
      found("/cold", "missing: what was touched between two uses");
    if (row_.cold && row_.cold->last_level_bytes && !row_.samples.empty() &&
        row_.cold->bytes_between_uses / 3 < *row_.cold->last_level_bytes)
      found("/cold/bytes_between_uses", "under three times the last-level cache");
  }

  /// Where the row was measured, and on what.
  void provenance() {
    if (row_.imported_from && names_this_program(row_.imported_from->tool))
      found("/imported_from/tool", "is this program, whose own rows are measured, not imported");
    if (row_.samples.empty() || row_.imported_from) return;
    const int processors = document_.host.cpu.threads;
    if (processors > 0 && row_.threads > processors)
      found("/threads", "is " + std::to_string(row_.threads) + " on a host of " +
                            std::to_string(processors) + " hardware threads");
    if (!row_.inputs.distribution.empty() && row_.inputs.seed != document_.run.seed)
      found("/inputs/seed", "is not the run's seed, from which every row draws its inputs");
  }

  static bool names_this_program(std::string tool) {
    for (char& c : tool) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return tool.find("ergon") != std::string::npos;
  }

  void accuracy() {
    const bool passed = row_.status == "ok" || row_.status == "noisy";
    if (passed && row_.accuracy && row_.accuracy->checked_elements == 0)
      found("/accuracy/checked_elements", "is 0 in a row that was found right");
  }

  void energy() {
    if (row_.energy) energy_of(*row_.energy, "/energy");
    for (std::size_t i = 0; i < row_.extra_meters.size(); ++i) {
      energy_of(row_.extra_meters[i], "/extra_meters/" + std::to_string(i));
      if (row_.energy) compare_scopes(row_.extra_meters[i]);
    }
  }

  void energy_of(const Energy& energy, const std::string& below) {
    const Meter* meter = find_meter(document_, energy.meter);
    if (!meter) found(below + "/meter", "'" + energy.meter + "' is not among the meters");
    for (std::size_t i = 0; i < energy.samples.size(); ++i) {
      const EnergySample& sample = energy.samples[i];
      const std::string at = below + "/samples/" + std::to_string(i);
      if (!(sample.seconds > 0)) found(at, "a window without seconds");
      if (!sample.joules) continue;
      if (*sample.joules < 0) found(at, "negative joules");
      if (meter && meter->shortest_window_seconds &&
          sample.seconds < *meter->shortest_window_seconds * (1 - rounding))
        found(at, "joules of a window shorter than the meter needs");
    }
  }

  /// Of one window, a part of the machine cannot take more than the whole, where sensors tell.
  void compare_scopes(const Energy& other) {
    const Meter* mine = find_meter(document_, row_.energy->meter);
    const Meter* others = find_meter(document_, other.meter);
    for (const Meter* meter : {mine, others})
      if (!meter || (meter->provenance != "counter" && meter->provenance != "sampled")) return;
    for (const EnergySample& a : row_.energy->samples)
      for (const EnergySample& b : other.samples) {
        const bool one = a.launch == b.launch && a.start_seconds == b.start_seconds;
        if (one && (exceeds(*mine, a, *others, b) || exceeds(*others, b, *mine, a)))
          found("/extra_meters", "of one window, '" + mine->id + "' and '" + others->id +
                                     "' give more joules to the part than to the whole");
      }
  }

  static bool exceeds(const Meter& part, const EnergySample& a, const Meter& whole,
                      const EnergySample& b) {
    static const std::map<std::string, int> width = {
        {"core", 0}, {"package", 1}, {"package+dram", 2}, {"node", 3}, {"wall", 4}};
    const auto inner = width.find(part.scope);
    const auto outer = width.find(whole.scope);
    if (inner == width.end() || outer == width.end() || inner->second >= outer->second)
      return false;
    if (!a.joules || !b.joules) return false;
    const double least = *a.joules / (1 + part.relative_uncertainty) - a.error_joules;
    return least > *b.joules * (1 + whole.relative_uncertainty) + b.error_joules;
  }

  const Document& document_;
  const Row& row_;
  std::size_t index_;
  Findings& findings_;
};

void check_keys(const Document& document, Findings& findings) {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < document.rows.size(); ++i)
    if (!keys.insert(key(document.rows[i])).second)
      findings.push_back({row_place(document, i, ""), "an earlier row has the same key"});
}

bool has_value(const Document& document, const Row& row) {
  return std::any_of(document.devices.begin(), document.devices.end(), [&](const Device& device) {
    return std::any_of(device.ceilings.begin(), device.ceilings.end(), [&](const Ceiling& ceiling) {
      return ceiling.value_per_second && row_of(document, device, ceiling) == &row;
    });
  });
}

/// A measured ceiling bounds rows: emptied, it would let the impossible pass. Rows that a run did
/// not finish have another status.
void check_ceiling_rows(const Document& document, Findings& findings) {
  for (std::size_t i = 0; i < document.rows.size(); ++i) {
    const Row& row = document.rows[i];
    const bool measured = row.status == "ok" || row.status == "noisy";
    if (is_ceiling(row) && measured && !has_value(document, row))
      findings.push_back({row_place(document, i, ""), "its device has no such ceiling"});
  }
}

void check_ceilings(const Document& document, Findings& findings) {
  for (std::size_t d = 0; d < document.devices.size(); ++d) {
    const Device& device = document.devices[d];
    for (std::size_t c = 0; c < device.ceilings.size(); ++c) {
      const Ceiling& ceiling = device.ceilings[c];
      if (!ceiling.value_per_second) continue;
      const std::string where = "/devices/" + std::to_string(d) + "/ceilings/" + std::to_string(c);
      const Row* row = row_of(document, device, ceiling);
      if (!row || !row->median) {
        findings.push_back({where, "no row of the record holds its samples"});
        continue;
      }
      const double work = ceiling.what == "flops" ? row->work.flops : row->work.bytes;
      const Maybe<double> value = work / *row->median;
      if (!agree(ceiling.value_per_second, value))
        findings.push_back({where + "/value_per_second", "is " + text(ceiling.value_per_second) +
                                                             "; its row gives " + text(value)});
      if (!ceiling.interval95 || !row->interval95) continue;
      const Interval interval{work / row->interval95->high, work / row->interval95->low};
      if (!agree(*ceiling.interval95, interval))
        findings.push_back({where + "/interval95", "is " + text(ceiling.interval95) +
                                                       "; its row gives " + text(interval)});
    }
  }
}

void check_meters(const Document& document, Findings& findings) {
  std::set<std::string> ids;
  int primaries = 0;
  for (const Meter& meter : document.meters) {
    primaries += meter.primary ? 1 : 0;
    if (!ids.insert(meter.id).second)
      findings.push_back({"/meters", "two meters are called '" + meter.id + "'"});
  }
  if (primaries > 1) findings.push_back({"/meters", "more than one primary meter"});
}

bool holds(const Interval& range, const Maybe<double>& value) {
  return value && range.low > 0 && range.low <= *value && *value <= range.high;
}

void check_prices(const Document& document, Findings& findings) {
  for (std::size_t i = 0; i < document.prices.size(); ++i) {
    const Price& price = document.prices[i];
    const std::string where = "/prices/" + std::to_string(i);
    if (price.source.empty()) findings.push_back({where + "/source", "missing"});
    if (price.as_of.empty()) findings.push_back({where + "/as_of", "missing"});
    if (!price.usd_per_hour && !price.usd_per_kwh)
      findings.push_back({where, "neither usd_per_hour nor usd_per_kwh"});
    if (price.usd_per_hour_range && !holds(*price.usd_per_hour_range, price.usd_per_hour))
      findings.push_back({where + "/usd_per_hour_range",
                          "is no range above 0 around usd_per_hour, " + text(price.usd_per_hour)});
    if (!(price.share > 0 && price.share <= 1))
      findings.push_back({where + "/share", "not above 0 and at most 1"});
  }
}

void check_run(const Run& run, Findings& findings) {
  if (run.complete != run.finished_utc.has_value())
    findings.push_back({"/run/complete", "does not agree with finished_utc"});
  if (run.finished_utc && *run.finished_utc < run.started_utc)
    findings.push_back({"/run/finished_utc", "before started_utc"});
  std::set<int> launches;
  for (const LaunchStart& start : run.launch_starts)
    if (!launches.insert(start.launch).second)
      findings.push_back({"/run/launch_starts",
                          "launch " + std::to_string(start.launch) + " starts more than once"});
  for (std::size_t i = 0; i < run.beacons.size(); ++i)
    if (!launches.contains(run.beacons[i].launch))
      findings.push_back(
          {"/run/beacons/" + std::to_string(i), "its launch is not among launch_starts"});
  if (!run.suite.text.empty() && run.suite.sha256 != sha256_hex(run.suite.text))
    findings.push_back({"/run/suite/sha256", "is not that of the suite's text"});
}

}  // namespace

std::vector<std::string> unchecked(const Document& document) {
  std::vector<std::string> out;
  const Run& run = document.run;
  const auto older = std::count_if(document.rows.begin(), document.rows.end(), [&](const Row& row) {
    return !row.samples.empty() && is_older_interval(document, row) &&
           !agree(row.interval95, summarise(row.samples).interval95);
  });
  if (older > 0)
    out.push_back(
        "its intervals were made by an older method, which ignored that neighbouring windows "
        "resemble each other: " +
        std::to_string(older) + " would be wider now");
  if (made_by_another_method(run))
    out.push_back("its intervals were made by another method ('" + run.interval_method +
                  "'; this build's is '" + std::string(stats::interval_method) +
                  "'): they were not recomputed, the medians were");
  if (judged_by_another_rule(run))
    out.push_back("its rows were held against ceilings by another rule ('" + run.ceiling_rule +
                  "'; this build's is '" + std::string(ceiling_rule) +
                  "'): which of them are impossible was not checked");
  return out;
}

void verify_facts(const Document& document, Findings& findings) {
  check_run(document.run, findings);
  check_keys(document, findings);
  check_meters(document, findings);
  check_prices(document, findings);
  check_ceilings(document, findings);
  check_ceiling_rows(document, findings);
  for (std::size_t i = 0; i < document.rows.size(); ++i) RowCheck(document, i, findings).all();
}

}  // namespace ergon::record
