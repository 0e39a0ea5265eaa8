// When single edges of the run appear in the log.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bench/meters/align_parts.h"

namespace ergon::alignment {
namespace {

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

/// Sum of squares about `mean`.
double squares_about(double mean, At begin, At end) {
  double sum = 0;
  for (auto it = begin; it != end; ++it) sum += (it->value - mean) * (it->value - mean);
  return sum;
}

}  // namespace

std::vector<Edge> edges_of(const std::vector<KnownTime>& known) {
  const std::vector<KnownTime> times = joined(known);
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

Sight see(const Edge& edge, const Trace& watts, double period_seconds, double offset) {
  constexpr Sight hidden{true, std::nullopt};
  const double reach = std::max(most_periods * period_seconds, most_seconds);
  const double before = std::min(looked_at * edge.before_seconds, reach);
  const double after = std::min(looked_at * edge.after_seconds, reach);
  const double here = edge.seconds - offset;
  const At begin = first_after(watts, here - before);
  const At change = first_after(watts, here - before / 2);
  const At settled = first_after(watts, here + after / 2);
  const At end = first_after(watts, here + after);
  if (change - begin < least_readings || end - settled < least_readings) return hidden;
  const double level_before = mean_of(begin, change);
  const double level_after = mean_of(settled, end);
  const double contrast = level_after - level_before;
  if (contrast == 0 || (contrast > 0) != edge.rises) return {};
  // From the last reading of the level before to the first of the level after; of means over known
  // times, those between.
  const At first = change - 1;
  const bool means = first->slack_seconds > 0;
  const double from = first->seconds + first->slack_seconds;
  const double to = settled->seconds - settled->slack_seconds;
  double joules = 0;
  for (At it = first; it != settled; ++it) {
    const double apart = (it + 1)->seconds - it->seconds;
    if (apart > hole_periods * period_seconds) return hidden;
    if (!means)
      joules += apart * (it->value + (it + 1)->value) / 2;
    else if (it != first)
      joules += 2 * it->slack_seconds * it->value;
  }
  SeenEdge seen;
  seen.run_seconds = edge.seconds;
  seen.contrast_watts = std::abs(contrast);
  seen.log_seconds =
      (joules - level_after * to + level_before * from) / (level_before - level_after);
  const auto count_before = static_cast<double>(change - begin);
  const auto count_after = static_cast<double>(end - settled);
  seen.noise_watts = std::sqrt(
      (squares_about(level_before, begin, change) + squares_about(level_after, settled, end)) /
      (count_before + count_after - 2));
  // The joules between, and both levels, over half of that time each.
  seen.noise_seconds =
      std::sqrt((to - from) * period_seconds +
                (to - from) * (to - from) / 4 * (1 / count_before + 1 / count_after));
  // A ramp of width w deviates from the step by an area of w / 4.
  double deviation = 0;
  for (At it = first; it != settled; ++it) {
    const double middle = (it->seconds + (it + 1)->seconds) / 2;
    const double share = ((it->value + (it + 1)->value) / 2 - level_before) / contrast;
    const double step = middle < seen.log_seconds ? 0 : 1;
    deviation += std::abs(share - step) * ((it + 1)->seconds - it->seconds);
  }
  seen.width_seconds = 4 * deviation;
  return {false, seen};
}

}  // namespace ergon::alignment
