// How a meter of momentary watts is opened: read for a while, so that what cannot be a power is
// refused and the period is known from the start.
#pragma once

#include "bench/meters/clocked.h"

namespace ergon {

struct Sampling {
  /// How long it is read at most. Readings are at least a thousandth of it apart.
  double seconds = 0.3;
  /// Where the readings show no period.
  Maybe<double> otherwise_period_seconds = Absent{"the sensor was not seen to update"};
};

/// Opens `watts`. `info` says what is documented: a period or a quantum that it has is kept, and
/// then a few readings are enough. Else the period is the median time between changes (three at
/// least); and the quantum the largest that all steps seen are multiples of, or where none was
/// seen, the largest power of ten that divides the reading: a coarse sensor's readings look it.
/// Unavailable where a read fails, where a reading is no power, and where all are 0 W.
Probe open_sampler(MeterInfo info, Clock& clock, Source watts, const Sampling& sampling = {});

}  // namespace ergon
