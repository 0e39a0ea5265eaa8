// Joules of a row from its energy windows, gross.
//
// value: joules of all windows over calls (or seconds) of all windows. Interval: that of the
// windows' median (stats::launch_interval), or from the least to the greatest where they are too
// few for one; widened by the windows' own error, then by the meter's calibration: a factor
// either way, which all rows of the run share. Windows without joules are left out; notes count
// them.
#pragma once

#include "bench/report/derive.h"

namespace ergon::report {

enum class EnergyUnit { call, second };
Derived energy_per(const record::Document& document, const record::Row& row, EnergyUnit unit);

}  // namespace ergon::report
