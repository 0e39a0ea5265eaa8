// When single edges of the run appear in the log.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bench/meters/align_parts.h"

namespace ergon::alignment {
namespace {

/// Known times whose ends are nearer than this touch.
constexpr double touching_seconds = 0.02;
/// Of a known time, what is looked at around an edge: not its other end, which is an edge too. The
/// farther half of it shows the level.
constexpr double looked_at = 0.75;
constexpr double most_periods = 12;
constexpr double most_seconds = 2;
constexpr std::ptrdiff_t least_readings = 2;
/// Readings farther apart leave a hole.
constexpr double hole_periods = 2.5;

using At = Trace::const_iterator;

At first_after(const Trace& watts, double seconds) {
  return std::upper_bound(watts.begin(), watts.end(), seconds,
                          [](double s, const Reading& r) { return s < r.seconds; });
}

double mean_of(At begin, At end) {
  double sum = 0;
  for (auto it = begin; it != end; ++it) sum += it->value;
  return sum / static_cast<double>(end - begin);
}

}  // namespace

std::vector<Edge> edges_of(const std::vector<KnownTime>& known) {
  std::vector<KnownTime> times;
  for (const KnownTime& time : known) {
    const bool goes_on = !times.empty() && times.back().busy == time.busy &&
                         time.start_seconds - times.back().end_seconds < touching_seconds;
    if (goes_on)
      times.back().end_seconds = time.end_seconds;
    else
      times.push_back(time);
  }
  std::vector<Edge> edges;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const KnownTime& before = times[i - 1];
    const KnownTime& after = times[i];
    if (before.busy == after.busy || after.start_seconds - before.end_seconds >= touching_seconds)
      continue;
    edges.push_back({(before.end_seconds + after.start_seconds) / 2,
                     before.end_seconds - before.start_seconds,
                     after.end_seconds - after.start_seconds, after.busy});
  }
  return edges;
}

std::optional<SeenEdge> see(const Edge& edge, const Trace& watts, double period_seconds,
                            double offset) {
  const double reach = std::max(most_periods * period_seconds, most_seconds);
  const double before = std::min(looked_at * edge.before_seconds, reach);
  const double after = std::min(looked_at * edge.after_seconds, reach);
  const double here = edge.seconds - offset;
  const At begin = first_after(watts, here - before);
  const At change = first_after(watts, here - before / 2);
  const At settled = first_after(watts, here + after / 2);
  const At end = first_after(watts, here + after);
  if (change - begin < least_readings || end - settled < least_readings) return std::nullopt;
  const double level_before = mean_of(begin, change);
  const double level_after = mean_of(settled, end);
  const double contrast = level_after - level_before;
  if (contrast == 0 || (contrast > 0) != edge.rises) return std::nullopt;
  // From the last reading of the level before to the first of the level after.
  const At first = change - 1;
  double joules = 0;
  for (At it = first; it != settled; ++it) {
    const double apart = (it + 1)->seconds - it->seconds;
    if (apart > hole_periods * period_seconds) return std::nullopt;
    joules += apart * (it->value + (it + 1)->value) / 2;
  }
  SeenEdge seen;
  seen.run_seconds = edge.seconds;
  seen.contrast_watts = std::abs(contrast);
  seen.log_seconds = (joules - level_after * settled->seconds + level_before * first->seconds) /
                     (level_before - level_after);
  // A ramp of width w deviates from the step by an area of w / 4.
  double deviation = 0;
  for (At it = first; it != settled; ++it) {
    const double middle = (it->seconds + (it + 1)->seconds) / 2;
    const double share = ((it->value + (it + 1)->value) / 2 - level_before) / contrast;
    const double step = middle < seen.log_seconds ? 0 : 1;
    deviation += std::abs(share - step) * ((it + 1)->seconds - it->seconds);
  }
  seen.width_seconds = 4 * deviation;
  return seen;
}

}  // namespace ergon::alignment
