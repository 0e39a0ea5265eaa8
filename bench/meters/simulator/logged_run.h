// A run with `--meter log` on a simulated machine: marks in its power, energy windows, and times
// between rows of which nothing is known.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/meters/align.h"
#include "bench/meters/simulator/draw.h"
#include "bench/meters/simulator/machine.h"

namespace ergon::simulator {

struct LoggedRun {
  std::vector<KnownTime> known;    // on the machine's clock, windows too
  std::vector<KnownTime> windows;  // of all rows
  double start_seconds = 0;
  double end_seconds = 0;
};

/// Runs `rows` rows for a log with readings every `period_seconds`, from the clock's time on, and
/// leaves the machine idle for `margin_seconds` before and after.
LoggedRun run_logged(Machine& machine, double period_seconds, int rows, double margin_seconds,
                     Draw& draw);

}  // namespace ergon::simulator
