// The two steps of align.h.
#pragma once

#include <optional>
#include <vector>

#include "bench/meters/align.h"

namespace ergon::alignment {

/// Offset at which cells of the log resemble the known times best, good to a cell or so.
Maybe<double> coarse_offset(const std::vector<KnownTime>& known, const Trace& watts,
                            double period_seconds, Interval search);

/// Two known times of different level that touch.
struct Edge {
  double seconds = 0;         // on the run's clock
  double before_seconds = 0;  // how long it was known before, and after
  double after_seconds = 0;
  bool rises = false;
};
std::vector<Edge> edges_of(const std::vector<KnownTime>& known);

/// An edge as the log shows it, near where `offset` says that it is.
struct SeenEdge {
  double run_seconds = 0;
  double log_seconds = 0;
  double contrast_watts = 0;
  double width_seconds = 0;  // of a straight ramp between the levels that deviates as much
  double noise_watts = 0;    // standard deviation of the readings about the levels
  double noise_seconds = 0;  // by which one of the contrast would move it, as a standard deviation
};
struct Sight {
  bool hidden = false;           // readings are missing around it
  std::optional<SeenEdge> edge;  // else nothing where the levels differ in the wrong sense
};
Sight see(const Edge& edge, const Trace& watts, double period_seconds, double offset);

}  // namespace ergon::alignment
