// One workload, all its implementations: the method, step by step.
#pragma once

#include <vector>

#include "bench/measure/ceilings.h"
#include "bench/measure/member.h"

namespace ergon::measure {

/// Prepares, verifies, warms up, measures in rounds, measures energy, verifies with other inputs
/// and gives finished rows to the session's sink. `seconds` is the time the whole block may take;
/// six rounds are measured whatever it is.
void measure_block(const BlockPlan& plan, double seconds, Ceilings& ceilings, Session& session);

}  // namespace ergon::measure
