// From samples to what a row says: median, interval, status. Done once, when all launches are in,
// and by the same rules that `verify` checks (record/status.h).
#pragma once

#include "bench/record/document.h"

namespace ergon::measure {

/// Fills median, interval95, interval_kind, the ceilings' values and, where nothing failed before,
/// the status with its reason.
void conclude(record::Document& document);

}  // namespace ergon::measure
