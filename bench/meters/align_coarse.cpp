// The offset of a log to a cell or so: the best correlation of its cells with what is known.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/align_parts.h"

namespace ergon::alignment {
namespace {

/// Cells per shortest known time.
constexpr double cells_per_time = 4;
/// Cells of the log that are compared with cells of the run.
constexpr double most_products = 4e9;
constexpr double most_cells = 1e7;
constexpr std::size_t least_cells = 12;
/// Of the cells that the best covered offset compares.
constexpr double least_coverage = 0.7;
/// An offset this much like the best one belongs to its peak; a peak as high as `rival` makes the
/// optimum unclear.
constexpr double same_peak = 0.75;
constexpr double rival = 0.9;
/// Least log-likelihood by which the best must exceed chance and other peaks: that of offsets tried
/// by the tens of thousands exceeds 10 once in several.
constexpr double least_gain = 15;

/// The log's mean watts per cell; not a number where no reading fell.
std::vector<double> cells_of_log(const Trace& watts, double cell) {
  const double origin = watts.front().seconds;
  const auto count = static_cast<std::size_t>((watts.back().seconds - origin) / cell) + 1;
  std::vector<double> sums(count, 0);
  std::vector<int> counts(count, 0);
  for (const Reading& reading : watts) {
    const auto at = static_cast<std::size_t>((reading.seconds - origin) / cell);
    sums[at] += reading.value;
    ++counts[at];
  }
  for (std::size_t i = 0; i < count; ++i)
    sums[i] = counts[i] > 0 ? sums[i] / counts[i] : std::numeric_limits<double>::quiet_NaN();
  return sums;
}

struct Cell {
  std::ptrdiff_t at;
  double busy;  // 0 or 1
};

/// Cells that lie in one known time.
std::vector<Cell> cells_of_run(const std::vector<KnownTime>& known, double cell) {
  std::vector<Cell> cells;
  const double origin = known.front().start_seconds;
  for (const KnownTime& time : known) {
    const auto first = static_cast<std::ptrdiff_t>(std::ceil((time.start_seconds - origin) / cell));
    const auto last = static_cast<std::ptrdiff_t>(std::floor((time.end_seconds - origin) / cell));
    for (auto at = first; at < last; ++at) cells.push_back({at, time.busy ? 1.0 : 0.0});
  }
  return cells;
}

struct Likeness {
  double correlation = 0;
  double cells = 0;
  /// Log-likelihood of two levels over one.
  double gain() const {
    return correlation <= 0 ? 0
                            : -cells / 2 * std::log(std::max(1e-12, 1 - correlation * correlation));
  }
};

Likeness likeness(const std::vector<double>& log, const std::vector<Cell>& run,
                  std::ptrdiff_t shift) {
  double n = 0, u = 0, uu = 0, p = 0, pp = 0, up = 0;
  for (const Cell& cell : run) {
    const std::ptrdiff_t at = cell.at + shift;
    if (at < 0 || at >= static_cast<std::ptrdiff_t>(log.size())) continue;
    const double watts = log[static_cast<std::size_t>(at)];
    if (std::isnan(watts)) continue;
    n += 1;
    u += cell.busy;
    uu += cell.busy * cell.busy;
    p += watts;
    pp += watts * watts;
    up += cell.busy * watts;
  }
  const double variances = (uu - u * u / n) * (pp - p * p / n);
  if (n < 1 || !(variances > 1e-12 * pp)) return {0, n};
  return {(up - u * p / n) / std::sqrt(variances), n};
}

}  // namespace

Maybe<double> coarse_offset(const std::vector<KnownTime>& known, const Trace& watts,
                            double period_seconds, Interval search) {
  double shortest = std::numeric_limits<double>::infinity();
  for (const KnownTime& time : known)
    shortest = std::min(shortest, time.end_seconds - time.start_seconds);
  const double cell = std::max(1.05 * period_seconds, shortest / cells_per_time);
  if (!((watts.back().seconds - watts.front().seconds) / cell <= most_cells))
    return Absent{"cannot align: the log lasts too long for the run's short idle and busy times"};
  const std::vector<double> log = cells_of_log(watts, cell);
  const std::vector<Cell> run = cells_of_run(known, cell);
  if (run.size() < least_cells)
    return Absent{
        "cannot align: the log's readings are too sparse for the run's idle and busy times"};
  // offset = run - log, so that a larger shift is a smaller offset.
  const double base = known.front().start_seconds - watts.front().seconds;
  const auto extent = run.back().at + 1;
  const auto low =
      std::max(static_cast<std::ptrdiff_t>(std::floor((base - search.high) / cell)), -extent);
  const auto high = std::min(static_cast<std::ptrdiff_t>(std::ceil((base - search.low) / cell)),
                             static_cast<std::ptrdiff_t>(log.size()));
  if (low > high) return Absent{"cannot align: the log does not reach the time of the run"};
  if (static_cast<double>(high - low + 1) * static_cast<double>(run.size()) > most_products)
    return Absent{"cannot align: the search range is too wide for so dense a log"};
  std::vector<Likeness> all;
  for (auto shift = low; shift <= high; ++shift) all.push_back(likeness(log, run, shift));
  double most = 0;
  for (const Likeness& one : all) most = std::max(most, one.cells);
  if (most < least_coverage * static_cast<double>(run.size()))
    return Absent{fmt::format("cannot align: the log covers {:.0f} % of the run at most",
                              100 * most / static_cast<double>(run.size()))};
  for (Likeness& one : all)
    if (one.cells < least_coverage * most) one.correlation = 0;
  const auto worse = [](const Likeness& a, const Likeness& b) {
    return a.correlation < b.correlation;
  };
  const auto best = std::max_element(all.begin(), all.end(), worse);
  if (best->gain() < least_gain)
    return Absent{
        "cannot align: the log shows no difference between the run's idle and busy times"};
  auto left = best, right = best;
  while (left != all.begin() && (left - 1)->correlation > same_peak * best->correlation) --left;
  while (right + 1 != all.end() && (right + 1)->correlation > same_peak * best->correlation)
    ++right;
  Likeness second;
  double second_offset = 0;
  const auto offset_of = [&](auto it) {
    return base - cell * static_cast<double>(low + (it - all.begin()));
  };
  for (auto it = all.begin(); it != all.end(); ++it) {
    if (it >= left && it <= right) continue;
    if (it->correlation <= second.correlation) continue;
    second = *it;
    second_offset = offset_of(it);
  }
  if (second.correlation > rival * best->correlation || best->gain() - second.gain() < least_gain)
    return Absent{
        fmt::format("cannot align: an offset of {:.1f} s fits almost as well as one of "
                    "{:.1f} s",
                    second_offset, offset_of(best))};
  return offset_of(best);
}

}  // namespace ergon::alignment
