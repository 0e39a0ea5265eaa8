#include "bench/meters/align.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "bench/base/student.h"
#include "bench/meters/align_parts.h"
#include "bench/meters/median.h"

namespace ergon {
namespace {

using namespace alignment;

constexpr std::size_t least_edges = 4;
/// Of all edges, those that the log must show.
constexpr double least_seen = 0.7;
/// An edge of less than this share of the usual contrast is noise.
constexpr double least_contrast = 0.3;
/// Quartz clocks drift by less; uniform within it.
constexpr double most_drift = 200e-6;
/// Beyond so many 95 % errors chance is out of the question.
constexpr double certain_errors = 2;
/// What the edges' scatter does not show since they share it, in periods.
constexpr double shared_periods = 0.05;
constexpr int refinements = 3;
/// Readings farther apart may hide a step of the log's clock.
constexpr double gap_periods = 2.5;
constexpr double clear_step = 4;  // in standard errors

double period_of(const Trace& watts) {
  std::vector<double> apart;
  for (std::size_t i = 1; i < watts.size(); ++i)
    apart.push_back(watts[i].seconds - watts[i - 1].seconds);
  return median_of(std::move(apart));
}

std::vector<SeenEdge> seen_edges(const std::vector<Edge>& edges, const Trace& watts, double period,
                                 double offset) {
  std::vector<SeenEdge> seen;
  std::vector<double> contrasts;
  for (const Edge& edge : edges)
    if (const auto one = see(edge, watts, period, offset)) {
      seen.push_back(*one);
      contrasts.push_back(one->contrast_watts);
    }
  if (seen.empty()) return seen;
  const double least = least_contrast * median_of(std::move(contrasts));
  std::erase_if(seen, [&](const SeenEdge& edge) { return edge.contrast_watts < least; });
  return seen;
}

std::vector<double> offsets_of(const std::vector<SeenEdge>& seen) {
  std::vector<double> offsets;
  for (const SeenEdge& edge : seen) offsets.push_back(edge.run_seconds - edge.log_seconds);
  return offsets;
}

/// A robust standard deviation about the median.
double spread_of(std::vector<double> values) {
  const double middle = median_of(values);
  for (double& value : values) value = std::abs(value - middle);
  return 1.4826 * median_of(std::move(values));
}

/// Empty, or what a gap in the log within the run may hide.
std::string hidden_step(const Trace& watts, const std::vector<SeenEdge>& seen, double period,
                        Interval run, double offset) {
  for (std::size_t i = 1; i < watts.size(); ++i) {
    const double from = watts[i - 1].seconds, to = watts[i].seconds;
    if (to - from <= gap_periods * period || to + offset < run.low || from + offset > run.high)
      continue;
    std::vector<double> before, after;
    for (const SeenEdge& edge : seen)
      (edge.log_seconds < (from + to) / 2 ? before : after)
          .push_back(edge.run_seconds - edge.log_seconds);
    if (before.size() < 2 || after.size() < 2)
      return fmt::format(
          "the log has a gap of {:.3g} s within the run and too few edges on one "
          "side to tell lost readings from a step of its clock",
          to - from);
    const double step = median_of(after) - median_of(before);
    const auto error = [&](const std::vector<double>& side) {
      return std::max(spread_of(side), shared_periods * period) /
             std::sqrt(static_cast<double>(side.size()));
    };
    if (std::abs(step) > clear_step * std::hypot(error(before), error(after)) + period / 2)
      return fmt::format("the log's clock steps by {:.3g} s within the run", -step);
  }
  return {};
}

/// Slope of the least-squares line through the edges' offsets, less its error: drift for certain.
double certain_drift(const std::vector<SeenEdge>& seen) {
  const auto n = static_cast<double>(seen.size());
  double middle = 0, mean = 0, along = 0, across = 0, squares = 0;
  for (const SeenEdge& edge : seen) {
    middle += edge.log_seconds / n;
    mean += (edge.run_seconds - edge.log_seconds) / n;
  }
  for (const SeenEdge& edge : seen) {
    along += std::pow(edge.log_seconds - middle, 2);
    across += (edge.log_seconds - middle) * (edge.run_seconds - edge.log_seconds - mean);
  }
  const double slope = across / along;
  for (const SeenEdge& edge : seen)
    squares += std::pow(
        edge.run_seconds - edge.log_seconds - mean - slope * (edge.log_seconds - middle), 2);
  return std::abs(slope) -
         certain_errors * student_quantile(seen.size() - 2) * std::sqrt(squares / (n - 2) / along);
}

/// The least-squares line through the edges' offsets, its slope held near 0 by the prior.
Alignment line_through(const std::vector<SeenEdge>& seen, double period) {
  const auto n = static_cast<double>(seen.size());
  double middle = 0, mean = 0;
  for (const SeenEdge& edge : seen) {
    middle += edge.log_seconds / n;
    mean += (edge.run_seconds - edge.log_seconds) / n;
  }
  double along = 0, across = 0, farthest = 0;
  for (const SeenEdge& edge : seen) {
    const double at = edge.log_seconds - middle;
    along += at * at;
    across += at * (edge.run_seconds - edge.log_seconds - mean);
    farthest = std::max(farthest, std::abs(at));
  }
  const double floor = shared_periods * period;
  const double prior = most_drift * most_drift / 3;
  Alignment line;
  line.pivot_seconds = middle;
  line.offset_seconds = mean;
  double variance = std::pow(spread_of(offsets_of(seen)), 2) + floor * floor;
  double slope_variance = 0;
  for (int i = 0; i < refinements; ++i) {
    const double precision = along / variance + 1 / prior;
    line.drift = across / variance / precision;
    slope_variance = 1 / precision;
    double squares = 0;
    for (const SeenEdge& edge : seen)
      squares += std::pow(edge.run_seconds - line.to_run(edge.log_seconds), 2);
    variance = std::max(floor * floor, squares / (n - 2));
  }
  const double t = student_quantile(seen.size() - 2);
  line.drift_error = t * std::sqrt(slope_variance);
  line.error_seconds = std::hypot(
      t * std::sqrt(variance / n + slope_variance * farthest * farthest), student_limit * floor);
  return line;
}

Estimate idle_watts_of(const std::vector<KnownTime>& known, const Trace& watts,
                       const Alignment& alignment) {
  const double margin =
      alignment.averaging_seconds + alignment.period_seconds + alignment.error_seconds;
  std::vector<double> means;
  for (const KnownTime& time : known) {
    if (time.busy) continue;
    double sum = 0;
    int count = 0;
    for (const Reading& reading : watts) {
      const double at = alignment.to_run(reading.seconds);
      if (at < time.start_seconds + margin || at > time.end_seconds - margin) continue;
      sum += reading.value;
      ++count;
    }
    if (count > 0) means.push_back(sum / count);
  }
  if (means.empty()) return {};
  const auto [low, high] = std::minmax_element(means.begin(), means.end());
  return {median_of(means), *low, *high};
}

Absent cannot(const std::string& why) { return {"cannot align: " + why}; }

}  // namespace

Maybe<Alignment> align(const std::vector<KnownTime>& known, const Trace& watts, Interval search) {
  const std::vector<Edge> edges = edges_of(known);
  if (edges.size() < least_edges)
    return cannot(
        fmt::format("the run has {} edges between known idle and busy times, {} are the "
                    "fewest; a run with --meter log makes them",
                    edges.size(), least_edges));
  if (watts.size() < 3) return cannot("the log holds too few readings");
  const double period = period_of(watts);
  const auto coarse = coarse_offset(known, watts, period, search);
  if (!coarse) return Absent{coarse.reason()};
  double offset = *coarse;
  std::vector<SeenEdge> seen;
  for (int i = 0; i < refinements; ++i) {
    seen = seen_edges(edges, watts, period, offset);
    if (static_cast<double>(seen.size()) < least_seen * static_cast<double>(edges.size()) ||
        seen.size() < least_edges)
      return cannot(
          fmt::format("the log shows {} of the {} edges between the run's idle and busy "
                      "times",
                      seen.size(), edges.size()));
    offset = median_of(offsets_of(seen));
  }
  const Interval run{known.front().start_seconds, known.back().end_seconds};
  if (const std::string step = hidden_step(watts, seen, period, run, offset); !step.empty())
    return cannot(step);
  const double usual = std::max(3 * spread_of(offsets_of(seen)), period);
  std::vector<SeenEdge> kept;
  for (const SeenEdge& edge : seen)
    if (std::abs(edge.run_seconds - edge.log_seconds - offset) <=
        usual + most_drift * (run.high - run.low))
      kept.push_back(edge);
  if (static_cast<double>(kept.size()) < least_seen * static_cast<double>(edges.size()) ||
      kept.size() < least_edges)
    return cannot(fmt::format("only {} of the {} edges that the log shows agree on one offset",
                              kept.size(), edges.size()));
  if (const double drift = certain_drift(kept); drift > most_drift)
    return cannot(fmt::format("the log's clock is off by {:.0f} ppm at least, more than clocks are",
                              drift * 1e6));
  Alignment line = line_through(kept, period);
  std::vector<double> widths;
  for (const SeenEdge& edge : kept) widths.push_back(edge.width_seconds);
  line.averaging_seconds = median_of(widths);
  line.period_seconds = period;
  line.edges = static_cast<int>(kept.size());
  line.idle_watts = idle_watts_of(known, watts, line);
  return line;
}

}  // namespace ergon
