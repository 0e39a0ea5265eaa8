#include "bench/meters/log_doubts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/busy_stretches.h"
#include "bench/meters/log_counter.h"
#include "bench/meters/median.h"

namespace ergon {
namespace {

/// Neighbours outside a repetition, to know by how often values repeat anyway.
constexpr std::size_t least_others = 5;
constexpr double chance = 1e-5;
/// Readings that go to and fro between two steps scatter by half a step: power that creeps over to
/// one of them then stays.
constexpr double dithered = 0.52;
/// No load draws so many times its usual power.
constexpr double jump = 10;
/// A load that is steady draws no less of it between any two readings.
constexpr double least_share = 0.5;

using At = std::span<Reading>::iterator;

/// The last reading with the value of `first`, with no other between.
At last_equal(At first, At end) {
  At last = first;
  while (last + 1 != end && (last + 1)->value == first->value) ++last;
  return last;
}

void doubt(At first, At last) {
  const std::string reason =
      fmt::format("the log repeats one value for {:.3g} s", last->seconds - first->seconds);
  for (At it = first + 1; it <= last; ++it) it->invalid = reason;
}

/// Standard deviation of the readings but those from `first` to `last`.
double scatter_without(std::span<Reading> busy, At first, At last) {
  double count = 0, mean = 0, squares = 0;
  for (At it = busy.begin(); it != busy.end(); ++it) {
    if (it >= first && it <= last) continue;
    ++count;
    const double off = it->value - mean;
    mean += off / count;
    squares += off * (it->value - mean);
  }
  return count > 0 ? std::sqrt(squares / count) : 0;
}

void doubt_repeats_by_chance(std::span<Reading> busy, double step_watts) {
  const std::size_t size = busy.size();
  if (size < least_others) return;
  std::size_t equal = 0;
  for (At it = busy.begin() + 1; it < busy.end(); ++it)
    equal += it->value == (it - 1)->value ? 1 : 0;
  for (At first = busy.begin(); first != busy.end();) {
    const At last = last_equal(first, busy.end());
    const auto repeats = static_cast<std::size_t>(last - first);
    const std::size_t others = size - 1 - repeats;
    const double share =
        (static_cast<double>(equal - repeats) + 1) / (static_cast<double>(others) + 2);
    if (repeats > 0 && others >= least_others &&
        scatter_without(busy, first, last) > dithered * step_watts &&
        static_cast<double>(size) * std::pow(share, static_cast<double>(repeats)) < chance)
      doubt(first, last);
    first = last + 1;
  }
}

void doubt_repeats_across_edges(Trace& trace, const std::vector<KnownTime>& times,
                                double blur_seconds) {
  const std::span<Reading> all(trace);
  std::vector<double> edges;
  for (std::size_t i = 1; i < times.size(); ++i)
    if (times[i].busy != times[i - 1].busy &&
        times[i].start_seconds - times[i - 1].end_seconds < touching_seconds)
      edges.push_back(times[i].start_seconds);
  for (At first = all.begin(); first != all.end();) {
    const At last = last_equal(first, all.end());
    const bool across = std::any_of(edges.begin(), edges.end(), [&](double edge) {
      return first->seconds < edge - blur_seconds && last->seconds > edge + blur_seconds;
    });
    if (across) doubt(first, last);
    first = last + 1;
  }
}

void doubt_one(Reading& reading, const char* what) {
  const Reading& last = *(&reading - 1);
  reading.invalid = fmt::format("the counter {} by {:.4g} J within {:.3g} s", what,
                                reading.value - last.value, reading.seconds - last.seconds);
}

/// What may be missing, or too much, between two readings of a counter that moves in steps.
double grain_joules(const MeterInfo& info, double watts) {
  constexpr double periods = 2;
  return periods * (info.quantum_joules.value_or(0) + watts * info.period_seconds.value_or(0));
}

void doubt_standstill(std::span<Reading> busy, double usual, const MeterInfo& info) {
  double missing = 0;
  for (Reading& reading : busy.subspan(1)) {
    const double apart = reading.seconds - (&reading - 1)->seconds;
    const double gained = reading.value - (&reading - 1)->value;
    if (gained < 0 || gained >= least_share * usual * apart) {
      missing = 0;
      continue;
    }
    missing += usual * apart - gained;
    if (missing > grain_joules(info, usual)) doubt_one(reading, "all but stands still, moving");
  }
}

}  // namespace

void doubt_repeats(Trace& trace, const std::vector<KnownTime>& known, double blur_seconds,
                   double step_watts) {
  for (const std::span<Reading> busy : busy_stretches(trace, known, blur_seconds))
    doubt_repeats_by_chance(busy, step_watts);
  doubt_repeats_across_edges(trace, joined(known), blur_seconds);
}

void doubt_jumps(Trace& trace, const std::vector<KnownTime>& known, const MeterInfo& info) {
  std::vector<double> all;
  for (const std::span<Reading> busy : busy_stretches(trace, known, info.clock_error_seconds)) {
    if (busy.size() < least_others) continue;
    all.push_back(usual_watts(busy));
    doubt_standstill(busy, all.back(), info);
  }
  if (all.empty()) return;
  const double usual = median_of(std::move(all));
  if (usual <= 0) return;
  for (Reading& reading : std::span<Reading>(trace).subspan(1)) {
    const double apart = reading.seconds - (&reading - 1)->seconds;
    if (reading.value - (&reading - 1)->value > jump * usual * apart + grain_joules(info, usual))
      doubt_one(reading, "jumps");
  }
}

}  // namespace ergon
