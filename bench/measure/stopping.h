// When is a block known well enough?
#pragma once

#include <span>
#include <vector>

#include "bench/measure/member.h"

namespace ergon::measure {

/// Half the widest 95 % interval of the usable members' medians, over the median. The widest
/// decides: stopping one member early would take it out of later rounds. Infinite with too few
/// samples.
double widest_interval(std::span<Member* const> members);

/// The same of the ratios within rounds of every two usable members that differ in their
/// implementation only. 0 where there are no two.
double widest_ratio(std::span<Member* const> members);

/// The same of one ratio; `base` and `fresh` are seconds per call by round.
double ratio_interval(std::span<const double> base, std::span<const double> fresh);

}  // namespace ergon::measure
