// Joules of a row from its energy windows.
//
// gross      joules of all windows over calls (or seconds) of all windows
// idle       the same less what the machine draws while nothing runs for so long
// marginal   from windows of N and of 2 N calls: what N calls more cost
//
// Interval: that of the windows' median (stats::launch_interval), or Student's where they are too
// few for one, and at least the windows' own errors: of independent windows, so added in squares,
// but for the step of a coarse sensor and the idle watts, which all windows share. Then the meter's
// calibration: a factor either way, which all rows of the run share. Windows without joules are
// left out; notes count them. Joules of what did not run the row are none of its own (covers.h).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bench/report/derive.h"

namespace ergon::report {

enum class EnergyUnit { call, second };
Derived energy_per(const record::Document& document, const record::Row& row, EnergyUnit unit,
                   const EnergyOptions& options);

std::string_view name(Joules joules) noexcept;  // "gross"
std::optional<Joules> joules_from_name(std::string_view text) noexcept;

/// The same windows, seen by two meters: joules of the one over those of the other.
struct Residual {
  double median = 0, low = 0, high = 0;
  std::size_t windows = 0;
};
std::optional<Residual> residual(const std::vector<const record::Row*>& rows,
                                 std::string_view primary, std::string_view other);

}  // namespace ergon::report
