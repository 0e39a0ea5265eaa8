// A power log put on the clock of a run, and the joules of the run's windows from it.
//
// The log's clock is aligned with what the run knows of its idle and busy times (align.h); what the
// log's readings are (period, averaging, steps) is found from the log itself. Pure.
#pragma once

#include <optional>
#include <vector>

#include "bench/meters/align.h"
#include "bench/meters/power_log.h"

namespace ergon {

/// What only its owner knows of a log.
struct LogTraits {
  Scope scope = Scope::wall;
  double relative_uncertainty = 0;          // of its calibration
  std::optional<double> averaging_seconds;  // else as its response to edges tells
};

struct TimedLog {
  MeterInfo info;  // without id and about
  Alignment alignment;
  Trace trace;  // on the run's clock; a reading tells of the time before it
};

/// `known` as align() takes it. Absent with "cannot align: ...".
Maybe<TimedLog> time_log(const PowerLog& log, const std::vector<KnownTime>& known,
                         const LogTraits& traits);

/// Of each of `windows`, which are among `known`: busy times that touch a window's start run the
/// same calls, and its load ends where an idle time touches its end. Absent as integrate() says.
std::vector<Maybe<Joules>> joules_of(const TimedLog& log, const std::vector<KnownTime>& known,
                                     const std::vector<KnownTime>& windows);

}  // namespace ergon
