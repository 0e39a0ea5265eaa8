// Readings of a log that cannot be so, though each alone could.
#pragma once

#include <vector>

#include "bench/meters/align.h"
#include "bench/meters/meter.h"

namespace ergon {

/// Marks as invalid, in a trace of watts on the run's clock: readings that repeat one value though
/// the run went from busy to idle or back, and those that do so in a busy time for longer than
/// chance lets the others of that time. Of an edge, `blur_seconds` before and after it tell
/// nothing. Where the others scatter by no more than a step, chance tells nothing.
void doubt_repeats(Trace& trace, const std::vector<KnownTime>& known, double blur_seconds,
                   double step_watts);

/// Marks as invalid, in a trace of joules: a reading before which the counter gained many times
/// what it usually does in busy times, or less than half of what it does in the same busy time for
/// longer than its quantum and period explain: it was reset or stood still, or the log's clock was
/// set.
void doubt_jumps(Trace& trace, const std::vector<KnownTime>& known, const MeterInfo& info);

}  // namespace ergon
