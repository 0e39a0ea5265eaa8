#include "bench/report/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "bench/report/arithmetic.h"
#include "bench/stats/stats.h"

namespace ergon::report {
namespace {

using record::Row;
using Launches = std::map<int, std::vector<double>>;  // launch -> values per call

using stats::launches_that_are_samples;

/// 0 where there is none: no calls, or so little that the quotient vanishes.
double per_call(double amount, std::int64_t calls) {
  return calls > 0 ? amount / static_cast<double>(calls) : 0;
}

std::map<std::pair<int, int>, double> by_round(const Row& row) {
  std::map<std::pair<int, int>, double> out;
  for (const auto& sample : row.samples)
    if (const double seconds = per_call(sample.seconds, sample.calls); seconds > 0)
      out[{sample.launch, sample.round}] = seconds;
  return out;
}

Launches seconds_by_launch(const Row& row) {
  Launches out;
  for (const auto& [when, seconds] : by_round(row)) out[when.first].push_back(seconds);
  return out;
}

Launches joules_by_launch(const Row& row) {
  Launches out;
  if (!row.energy) return out;
  for (const auto& sample : row.energy->samples)
    if (const double joules = sample.joules ? per_call(*sample.joules, sample.calls) : 0;
        joules > 0)
      out[sample.launch].push_back(joules);
  return out;
}

std::size_t count(const Launches& launches) {
  std::size_t total = 0;
  for (const auto& [launch, values] : launches) total += values.size();
  return total;
}

std::vector<double> medians(const Launches& launches) {
  std::vector<double> out;
  for (const auto& [launch, values] : launches) out.push_back(stats::median(values));
  return out;
}

/// Their median with the hull of all; nothing where one is missing.
std::optional<Estimate> hull(const std::vector<std::optional<Estimate>>& parts) {
  std::vector<double> values;
  Interval all{0, 0};
  for (const auto& part : parts) {
    if (!part) return std::nullopt;
    all = values.empty() ? Interval{part->low, part->high}
                         : Interval{std::min(all.low, part->low), std::max(all.high, part->high)};
    values.push_back(part->value);
  }
  if (values.empty()) return std::nullopt;
  return holding(stats::median(values), all);
}

std::optional<Estimate> unpaired(const Launches& base, const Launches& fresh) {
  if (std::min(base.size(), fresh.size()) >= launches_that_are_samples)
    return stats::unpaired_ratio(medians(base), medians(fresh));
  std::vector<std::optional<Estimate>> parts;
  for (const auto& [base_launch, base_values] : base)
    for (const auto& [fresh_launch, fresh_values] : fresh)
      parts.push_back(stats::unpaired_ratio(base_values, fresh_values));
  return hull(parts);
}

Maybe<Ratio> unpaired_ratio(const Launches& base, const Launches& fresh) {
  const auto estimate = unpaired(base, fresh);
  if (!estimate)
    return Absent{
        fmt::format("too few windows for an interval: {} and {}", count(base), count(fresh))};
  std::string how = fmt::format("unpaired, {} and {} windows", count(base), count(fresh));
  if (base.size() > 1 || fresh.size() > 1)
    how += fmt::format(" of {} and {} launches", base.size(), fresh.size());
  const bool spans = std::min(base.size(), fresh.size()) >= launches_that_are_samples;
  return Ratio{*estimate, spans, how, Absent{"only paired rounds have a sign test"}};
}

struct Pairs {
  std::map<int, std::pair<std::vector<double>, std::vector<double>>> by_launch;
  std::vector<double> base, fresh;
};

Pairs pairs_of(const Row& base, const Row& fresh) {
  Pairs pairs;
  const auto fresh_rounds = by_round(fresh);
  for (const auto& [when, seconds] : by_round(base)) {
    const auto found = fresh_rounds.find(when);
    if (found == fresh_rounds.end()) continue;
    auto& [base_values, fresh_values] = pairs.by_launch[when.first];
    base_values.push_back(seconds);
    fresh_values.push_back(found->second);
    pairs.base.push_back(seconds);
    pairs.fresh.push_back(found->second);
  }
  return pairs;
}

std::optional<Estimate> paired(const Pairs& pairs) {
  if (pairs.by_launch.size() < launches_that_are_samples) {
    std::vector<std::optional<Estimate>> parts;
    for (const auto& [launch, values] : pairs.by_launch)
      parts.push_back(stats::paired_ratio(values.first, values.second));
    return hull(parts);
  }
  std::vector<double> ratios;
  for (const auto& [launch, values] : pairs.by_launch) {
    std::vector<double> own;
    for (std::size_t i = 0; i < values.first.size(); ++i)
      own.push_back(values.second[i] / values.first[i]);
    ratios.push_back(stats::median(own));
  }
  const auto interval = stats::median_interval(ratios);
  if (!interval) return std::nullopt;
  return holding(stats::median(ratios), *interval);
}

}  // namespace

Maybe<Ratio> paired_seconds(const Row& base, const Row& fresh) {
  if (base.block != fresh.block)
    return Absent{"measured in another block, so they share no rounds"};
  const Pairs pairs = pairs_of(base, fresh);
  const std::size_t rounds = pairs.base.size();
  const auto estimate = paired(pairs);
  if (!estimate) return Absent{fmt::format("too few rounds in common: {}", rounds)};
  std::string how = fmt::format("paired in {} rounds", rounds);
  if (pairs.by_launch.size() > 1) how += fmt::format(" of {} launches", pairs.by_launch.size());
  return Ratio{*estimate, pairs.by_launch.size() >= launches_that_are_samples, how,
               stats::sign_test_p(pairs.base, pairs.fresh)};
}

Maybe<Ratio> unpaired_seconds(const Row& base, const Row& fresh) {
  return unpaired_ratio(seconds_by_launch(base), seconds_by_launch(fresh));
}

Maybe<Ratio> unpaired_joules(const Row& base, const Row& fresh) {
  return unpaired_ratio(joules_by_launch(base), joules_by_launch(fresh));
}

}  // namespace ergon::report
