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
/// Of all edges, those around which the log must hold readings.
constexpr double least_visible = 0.5;
/// Quartz clocks drift by less; uniform within it.
constexpr double most_drift = 200e-6;
/// Beyond so many 95 % errors chance is out of the question.
constexpr double certain_errors = 3;
/// What the edges' scatter does not show since they share it, in periods.
constexpr double shared_periods = 0.05;
constexpr int refinements = 3;
/// Edges that are off by so many times what the period and the noise of the readings explain are
/// another run's, however much they scatter; and so are edges with this standard deviation.
constexpr double most_errors_off = 2.75;
constexpr double most_scatter_errors = 1.75;
/// Edges that noise moves by more are not measured by: those of rows that draw little more than
/// idle.
constexpr double most_error_periods = 2;
/// Of all that it should show, those that must be where the others are.
constexpr double least_agreeing = 0.9;
/// Readings farther apart may hide a step of the log's clock.
constexpr double gap_periods = 2.5;
constexpr double clear_step = 4;  // in standard errors

double period_of(const Trace& watts) {
  std::vector<double> apart;
  for (std::size_t i = 1; i < watts.size(); ++i)
    apart.push_back(watts[i].seconds - watts[i - 1].seconds);
  return median_of(std::move(apart));
}

struct Sights {
  std::vector<SeenEdge> seen;
  std::size_t visible = 0;  // with those that are not there
};

Sights look(const std::vector<Edge>& edges, const Trace& watts, double period, double offset) {
  Sights sights;
  for (const Edge& edge : edges) {
    const Sight one = see(edge, watts, period, offset);
    if (!one.hidden) ++sights.visible;
    if (one.edge) sights.seen.push_back(*one.edge);
  }
  return sights;
}

std::vector<double> offsets_of(const std::vector<SeenEdge>& seen) {
  std::vector<double> offsets;
  for (const SeenEdge& edge : seen) offsets.push_back(edge.run_seconds - edge.log_seconds);
  return offsets;
}

/// Standard deviation of one edge: readings of the moment see it anywhere within a period, and
/// their noise moves it.
double error_of(const SeenEdge& edge, double noise_watts, double period) {
  return std::hypot(period / std::sqrt(12.0),
                    noise_watts / edge.contrast_watts * edge.noise_seconds);
}

/// Of most edges: where the run was not what is known, the log is not steady around some.
double noise_of(const std::vector<SeenEdge>& seen) {
  std::vector<double> watts;
  for (const SeenEdge& edge : seen) watts.push_back(edge.noise_watts);
  return median_of(std::move(watts));
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
    double from = watts[i - 1].seconds, to = watts[i].seconds;
    if (2 * watts[i].slack_seconds > to - from) {
      from = watts[i].seconds - watts[i].slack_seconds;
      to = watts[i].seconds + watts[i].slack_seconds;
    }
    if (to - from <= gap_periods * period || to + offset < run.low || from + offset > run.high)
      continue;
    std::vector<double> before, after;
    for (const SeenEdge& edge : seen)
      (edge.log_seconds < (from + to) / 2 ? before : after)
          .push_back(edge.run_seconds - edge.log_seconds);
    if (before.empty() || after.empty())
      return fmt::format(
          "the log has a gap of {:.3g} s within the run and no edges on one side to tell lost "
          "readings from a step of its clock",
          to - from);
    const double step = median_of(after) - median_of(before);
    // Of few edges the spread is not known: that of the other side is.
    const double spread =
        std::max(spread_of(before.size() > after.size() ? before : after), shared_periods * period);
    const auto error = [&](const std::vector<double>& side) {
      return spread / std::sqrt(static_cast<double>(side.size()));
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
    line.scatter_seconds = std::sqrt(squares / (n - 2));
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

std::vector<KnownTime> joined(const std::vector<KnownTime>& known) {
  std::vector<KnownTime> times;
  for (const KnownTime& time : known) {
    const bool goes_on = !times.empty() && times.back().busy == time.busy &&
                         time.start_seconds - times.back().end_seconds < touching_seconds;
    if (goes_on)
      times.back().end_seconds = time.end_seconds;
    else
      times.push_back(time);
  }
  return times;
}

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
  Sights sights;
  const std::vector<SeenEdge>& seen = sights.seen;
  for (int i = 0; i < refinements; ++i) {
    sights = look(edges, watts, period, offset);
    if (static_cast<double>(sights.visible) < least_visible * static_cast<double>(edges.size()) ||
        seen.size() < least_edges)
      return cannot(
          fmt::format("the log shows {} of the {} edges between the run's idle and busy "
                      "times",
                      seen.size(), edges.size()));
    offset = median_of(offsets_of(seen));
  }
  // What is idle before the first edge and after the last one holds no window.
  const Interval run{known.front().busy ? known.front().start_seconds : edges.front().seconds,
                     known.back().busy ? known.back().end_seconds : edges.back().seconds};
  if (const std::string step = hidden_step(watts, seen, period, run, offset); !step.empty())
    return cannot(step);
  const double noise = noise_of(seen);
  std::vector<SeenEdge> kept;
  std::size_t agreeing = 0;
  for (const SeenEdge& edge : seen) {
    const double error = error_of(edge, noise, period);
    if (std::abs(edge.run_seconds - edge.log_seconds - offset) >
        most_errors_off * error + most_drift * (run.high - run.low))
      continue;
    ++agreeing;
    if (error <= most_error_periods * period) kept.push_back(edge);
  }
  if (static_cast<double>(agreeing) < least_agreeing * static_cast<double>(sights.visible) ||
      kept.size() < least_edges)
    return cannot(
        fmt::format("only {} of the {} edges that the log should show agree on one offset",
                    agreeing, sights.visible));
  if (const double drift = certain_drift(kept); drift > most_drift)
    return cannot(fmt::format("the log's clock is off by {:.0f} ppm at least, more than clocks are",
                              drift * 1e6));
  Alignment line = line_through(kept, period);
  double errors = 0;
  for (const SeenEdge& edge : kept)
    errors += std::pow(error_of(edge, noise, period), 2) / static_cast<double>(kept.size());
  if (line.scatter_seconds > most_scatter_errors * std::sqrt(errors))
    return cannot(
        fmt::format("the edges that the log shows scatter by {:.2g} s about one offset, more than "
                    "readings of such noise every {:.2g} s explain",
                    line.scatter_seconds, period));
  std::vector<double> widths;
  for (const SeenEdge& edge : kept) widths.push_back(edge.width_seconds);
  line.averaging_seconds = median_of(widths);
  line.period_seconds = period;
  line.edges = static_cast<int>(kept.size());
  line.idle_watts = idle_watts_of(known, watts, line);
  return line;
}

}  // namespace ergon
