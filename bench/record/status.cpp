#include "bench/record/status.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "bench/record/ceiling_share.h"
#include "bench/record/lookup.h"
#include "bench/stats/stats.h"

namespace ergon::record {
namespace {

double seconds_per_call(const TimeSample& sample) {
  return sample.seconds / static_cast<double>(sample.calls);
}

template <class... Arguments>
std::string text(const char* format, Arguments... arguments) {
  char line[160];
  std::snprintf(line, sizeof line, format, arguments...);
  return line;
}

struct Bound {
  std::string ceiling;
  double work;
  const char* unit;
};

/// Empty where the ceiling is unknown or holds. What counts is the share of it within rounds: all
/// of its interval is too much, or its median, where the row is also faster than the ceiling ever
/// was in those rounds (a few disturbed rounds widen an interval, but make no row faster). Where
/// too few rounds hold both, the medians count: a ceiling that was hard to measure is as high as
/// the upper end of its interval.
std::string above_ceiling(const Document& document, const Row& row, const Bound& bound) {
  const Ceiling* ceiling = find_ceiling(document, row, bound.ceiling);
  if (!ceiling || !ceiling->value_per_second || !(*row.median > 0)) return {};
  const double rate = bound.work / *row.median;
  if (const auto share = ceiling_share(document, row, bound.ceiling)) {
    const bool always = share->share.low > most_of_a_ceiling;
    const bool faster_than_ever =
        share->share.value > most_of_a_ceiling && rate > most_of_a_ceiling * share->fastest;
    if (!always && !faster_than_ever) return {};
    return text("%.4g %s is %.0f %% of what the ceiling reached in the same rounds", rate,
                bound.unit, 100 * share->share.value);
  }
  const double value = *ceiling->value_per_second;
  const double limit = ceiling->interval95 ? std::max(value, ceiling->interval95->high) : value;
  if (rate <= most_of_a_ceiling * limit) return {};
  return text("%.4g %s is %.0f %% of the measured ceiling, which is at most %.4g", rate, bound.unit,
              100 * rate / limit, limit);
}

std::string why_impossible(const Document& document, const Row& row) {
  if (is_ceiling(row)) return {};
  auto why = above_ceiling(document, row, {"flops", row.work.flops, "flop/s"});
  if (!why.empty()) return why;
  const Maybe<std::string> memory = memory_ceiling_of(row);
  return memory ? above_ceiling(document, row, {*memory, row.work.bytes, "B/s"}) : why;
}

/// Empty where the outputs were right, before and after.
Status from_accuracy(const Row& row) {
  if (!row.accuracy) return {"failed", "not verified: " + row.accuracy.reason()};
  const Accuracy& accuracy = *row.accuracy;
  if (!(accuracy.max_abs <= accuracy.tolerance))
    return {"wrong", text("the largest error, %.4g, is above the tolerance of %.4g",
                          accuracy.max_abs, accuracy.tolerance)};
  if (!accuracy.verified_after) return {"failed", "not verified after timing"};
  return {};
}

}  // namespace

Summary summarise(std::span<const TimeSample> samples, stats::Dependence dependence) {
  Summary summary;
  if (samples.empty()) return summary;
  std::map<int, std::vector<double>> by_launch;
  std::vector<double> all;
  for (const TimeSample& sample : samples) {
    by_launch[sample.launch].push_back(seconds_per_call(sample));
    all.push_back(seconds_per_call(sample));
  }
  std::vector<std::vector<double>> launches;
  for (auto& [launch, seconds] : by_launch) launches.push_back(std::move(seconds));

  if (const auto own = stats::launch_interval(launches, dependence)) {
    summary.median = own->median;
    summary.interval95 = own->interval;
    summary.interval_kind = own->spans_launches    ? "launches"
                            : launches.size() == 1 ? "rounds"
                                                   : "hull";
    return summary;
  }
  summary.median = stats::median(all);
  if (const auto pooled = stats::median_interval(all, 0.95, dependence)) {
    summary.interval95 = *pooled;
    summary.interval_kind = "rounds";
  } else {
    summary.interval95 = Absent{"too few samples"};
  }
  return summary;
}

std::size_t launches_of(std::span<const TimeSample> samples) {
  std::set<int> launches;
  for (const TimeSample& sample : samples) launches.insert(sample.launch);
  return launches.size();
}

std::string interval_kind_of(const Row& row) {
  const bool few = launches_of(row.samples) < stats::launches_that_are_samples;
  return row.interval_kind == "launches" && few ? "hull" : row.interval_kind;
}

Maybe<double> relative_interval(const Maybe<double>& median, const Maybe<Interval>& interval95) {
  if (!median) return Absent{median.reason()};
  if (!interval95) return Absent{interval95.reason()};
  return std::max(interval95->high - *median, *median - interval95->low) / *median;
}

Status status_from_facts(const Document& document, const Row& row) {
  // What was imported need not have been verified; an error that it states counts all the same.
  Status fault = from_accuracy(row);
  if (fault.status == "wrong" || (!row.imported_from && !fault.status.empty())) return fault;
  if (!row.median) return {"failed", "not measured: " + row.median.reason()};
  if (auto why = why_impossible(document, row); !why.empty()) return {"impossible", why};
  const auto width = relative_interval(row.median, row.interval95);
  if (!width) return {"noisy", "no interval of the median: " + width.reason()};
  if (!(*width <= wanted_interval))
    return {"noisy", text("the interval reaches %.1f %% from the median; at most 1 %% was wanted",
                          100 * *width)};
  return {"ok", ""};
}

void settle(Document& document) {
  document.run.interval_method = stats::interval_method;
  document.run.ceiling_rule = ceiling_rule;
  for (Row& row : document.rows) {
    if (row.samples.empty()) continue;
    Summary summary = summarise(row.samples);
    row.median = summary.median;
    row.interval95 = summary.interval95;
    row.interval_kind = std::move(summary.interval_kind);
  }
  for (Row& row : document.rows) {
    if (row.status == "skipped" || row.status == "wrong" || row.status == "failed") continue;
    Status status = status_from_facts(document, row);
    row.status = std::move(status.status);
    row.reason = std::move(status.reason);
  }
}

}  // namespace ergon::record
