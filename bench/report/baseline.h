// How much faster each row is than the baseline of its workload.
#pragma once

#include <string>
#include <vector>

#include "bench/report/columns.h"

namespace ergon::report {

/// Sets figures.speedup: the baseline's seconds over the row's, paired within the rounds that both
/// shared (same record, block, case, dtype, threads, cache, device). Where several rows fit, the
/// fastest is the baseline. Absent with the reason where there is none, or too few common rounds.
/// Throws UserError where `selector` fits no implementation, or no row gets a speedup.
Baselines set_speedups(std::vector<Item>& items, const std::string& selector);

}  // namespace ergon::report
