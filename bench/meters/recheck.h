// Whether a sensor is still what characterising found: a brief look before each run.
//
// Some periods at idle and some under load, together under 2 s for periods below 0.1 s and about 5
// periods beyond. Compared: the period, within its jitter and 15 %; the quantum, of which all
// differences must be multiples; and that load shows, by a quarter of what it showed then.
#pragma once

#include <string>

#include "bench/meters/characterise.h"

namespace ergon {

/// Empty where it is as it was found, else what differs or failed. The load is left off.
std::string recheck(Meter& meter, Clock& clock, Load& load, const Characterisation& known);

/// Without a load, of a meter that none of ours reaches: the period and the quantum as far as idle
/// watts show them, and that it still moves and says what can be.
std::string recheck_idle(Meter& meter, Clock& clock, const Characterisation& known);

/// Seconds that either takes.
double recheck_seconds(const Characterisation& known) noexcept;

}  // namespace ergon
