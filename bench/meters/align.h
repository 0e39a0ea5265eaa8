// How far the clock of a power log is from the clock of a run, found from the power itself: where
// the run knows that the machine was idle or busy, the log must show two levels.
//
// First the offset at which the log's readings, taken together in cells, resemble the run's known
// times best (their correlation), over the whole search range. Then each edge between a known idle
// and a known busy time by itself: what flowed around it tells when the power changed, whatever the
// readings' averaging, since (time before) x (level before) + (time after) x (level after) =
// joules. Offset and drift are a least-squares line through the edges' offsets, with a prior on the
// drift of 200 ppm at most, uniform, as quartz clocks keep. Their uncertainty comes from the edges'
// scatter about it (Student's t), with a floor for what all edges may share.
//
// The offset is that of the readings' centres: a sensor's constant lag is part of it. Pure.
#pragma once

#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"
#include "bench/meters/meter.h"

namespace ergon {

/// A time of the run in which the machine is known to have been idle or busy.
struct KnownTime {
  double start_seconds = 0;
  double end_seconds = 0;
  bool busy = false;
};

/// Known times that end and start within so many seconds of each other touch.
inline constexpr double touching_seconds = 0.02;
/// `known`, in order of time, with times of one kind that touch made one.
std::vector<KnownTime> joined(const std::vector<KnownTime>& known);

struct Alignment {
  /// run = log + offset + drift * (log - pivot), all in seconds.
  double offset_seconds = 0;
  double drift = 0;
  double pivot_seconds = 0;      // on the log's clock, in the middle of the edges
  double error_seconds = 0;      // 95 % half-width, anywhere within the run
  double drift_error = 0;        // 95 % half-width
  double scatter_seconds = 0;    // standard deviation of single edges about that line
  double averaging_seconds = 0;  // width of the log's response to an edge; about a period if none
  double period_seconds = 0;     // between the log's readings
  Estimate idle_watts;           // over the idle times, with their range
  int edges = 0;

  double to_run(double log_seconds) const noexcept {
    return log_seconds + offset_seconds + drift * (log_seconds - pivot_seconds);
  }
};

/// `known` in order of time and apart from each other, on the run's clock; `watts` on the log's, in
/// order, each strictly later than the one before; the slack of one that is a mean is half of what
/// it is the mean over. Offsets from `search.low` to `search.high` are tried. Absent with "cannot
/// align: ..." where there is no clear optimum: too few edges or readings, idle and busy not told
/// apart, another offset almost as good, edges that scatter more than the log's period explains,
/// the run not within the log, or a log whose clock steps within the run.
Maybe<Alignment> align(const std::vector<KnownTime>& known, const Trace& watts, Interval search);

}  // namespace ergon
