// What writes a power log beside a run: a sensor with a clock of its own, and the CSV of its
// readings, as it would be found on a disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/meters/simulator/draw.h"
#include "bench/meters/simulator/machine.h"

namespace ergon::simulator {

enum class Stamps { iso, epoch_seconds, own_seconds };

struct LoggerTraits {
  std::string name;
  std::string heading;   // of the value's column, with its unit
  double si = 1;         // watts or joules in one of that unit
  bool counts = false;   // joules since a start
  int decimals = 1;      // of the value
  double quantum = 0.1;  // watts or joules
  double period_seconds = 1;
  double jitter_seconds = 0;     // a reading comes late by up to this, and is stamped late
  double averaging_seconds = 1;  // of watts, before the reading
  double update_seconds = 0;     // a counter moves so often; 0: all the time
  double lag_seconds = 0;        // a reading tells of this much earlier, and is not stamped so
  double noise_watts = 0;
  Stamps stamps = Stamps::iso;
  int stamp_decimals = 3;
};

/// Loggers as they are found: docs/meters.md names such.
const std::vector<LoggerTraits>& loggers();

enum class LogFault {
  none,
  lost,         // one reading in ten
  gap,          // so many in a row that a window misses a third
  late_stamps,  // stamped late by up to a quarter of a period
  steps_back,   // the logger's clock is set within the run
  steps_ahead,
  runs_fast,     // by more than clocks do
  stands_still,  // for thirty readings
  freezes,       // for good
  sentinel,      // in a window
  starts_anew,   // the counter, in a window
  jumps_ahead,   // the counter, in a window
  ends_early,    // in the middle of the run
  begins_late,
  another_run,  // of the same suite on the same machine
  another_machine,
};
std::string_view name(LogFault fault) noexcept;
std::vector<LogFault> log_faults();
/// Words that the reason of a refusal must hold; empty where there is a figure to be had.
std::vector<std::string> expected_reason(LogFault fault);
/// Watts have no counter's faults.
bool applies(LogFault fault, const LoggerTraits& traits) noexcept;

/// UTC of the machine's clock at zero.
inline constexpr double utc_at_zero = 1769767200;  // 2026-01-30T10:00:00Z

/// Where in time the fault comes, on the machine's clock.
struct LogTimes {
  double from_seconds = 0;  // what the log covers
  double to_seconds = 0;
  double fault_seconds = 0;
  double fault_lasts_seconds = 0;
};

/// The CSV. The logger's clock is off by up to half a minute and by 100 ppm, as `draw` says.
std::string write_log(const LoggerTraits& traits, Machine& machine, LogFault fault,
                      const LogTimes& times, Draw& draw);

}  // namespace ergon::simulator
