#include "bench/meters/log_doubts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/busy_stretches.h"
#include "bench/meters/median.h"

namespace ergon {
namespace {

/// Neighbours outside a repetition, to know by how often values repeat anyway.
constexpr std::size_t least_others = 5;
constexpr double chance = 1e-5;
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

void doubt_repeats_by_chance(std::span<Reading> busy) {
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

}  // namespace

void doubt_repeats(Trace& trace, const std::vector<KnownTime>& known, double blur_seconds) {
  for (const std::span<Reading> busy : busy_stretches(trace, known, blur_seconds))
    doubt_repeats_by_chance(busy);
  doubt_repeats_across_edges(trace, joined(known), blur_seconds);
}

void doubt_jumps(Trace& trace, const std::vector<KnownTime>& known, double blur_seconds) {
  const auto watts_before = [](const Reading& reading) {
    const Reading& last = *(&reading - 1);
    return (reading.value - last.value) / (reading.seconds - last.seconds);
  };
  const auto doubt_one = [](Reading& reading, const char* what) {
    const Reading& last = *(&reading - 1);
    reading.invalid = fmt::format("the counter {} by {:.4g} J within {:.3g} s", what,
                                  reading.value - last.value, reading.seconds - last.seconds);
  };
  std::vector<double> all;
  for (const std::span<Reading> busy : busy_stretches(trace, known, blur_seconds)) {
    if (busy.size() < least_others) continue;
    std::vector<double> watts;
    for (const Reading& reading : busy.subspan(1)) watts.push_back(watts_before(reading));
    all.insert(all.end(), watts.begin(), watts.end());
    const double usual = median_of(std::move(watts));
    for (Reading& reading : busy.subspan(1))
      if (watts_before(reading) >= 0 && watts_before(reading) < least_share * usual)
        doubt_one(reading, "all but stands still, moving");
  }
  if (all.empty()) return;
  const double usual = median_of(std::move(all));
  if (usual <= 0) return;
  for (Reading& reading : std::span<Reading>(trace).subspan(1))
    if (watts_before(reading) > jump * usual) doubt_one(reading, "jumps");
}

}  // namespace ergon
