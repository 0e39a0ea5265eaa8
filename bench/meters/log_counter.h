// What a log of joules tells of the counter that it is of.
#pragma once

#include <span>
#include <vector>

#include "bench/meters/align.h"

namespace ergon {

/// Sets quantum and period: what all steps are multiples of, and the median time between them.
/// `info.quantum_joules` holds the joules of the log's last digit. A quantum that is no multiple of
/// that digit shows as scatter_of_stamps().
void characterise_counter(const Trace& piece, MeterInfo& info);

/// Watts of two readings or more of a steady load: the mean of the middle half between neighbours.
/// Of a coarse counter the median would be a step too high or too low.
double usual_watts(std::span<const Reading> busy);

/// By how much single readings, on the run's clock, come late or early: a standard deviation, in
/// seconds. A reading that comes late makes the power before it too high and that after it too low,
/// or the other way round, which power itself does not; what rounding to a quantum does of that is
/// left out. One that comes later and later, as where a counter moves nearly once per reading,
/// makes one power stand out when it slips. Absent where the log is too short to show it.
Maybe<double> scatter_of_stamps(Trace& trace, const MeterInfo& info,
                                const std::vector<KnownTime>& known);

}  // namespace ergon
