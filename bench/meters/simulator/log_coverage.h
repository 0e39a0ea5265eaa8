// How often the joules of logs that are attached to a run are what they say they are: the CSV of a
// simulated logger, read, aligned and integrated as `ergon energy attach` does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/meters/simulator/logger.h"
#include "bench/meters/simulator/tally.h"

namespace ergon::simulator {

/// One window of each run counts, since those of one run share their alignment; a figure that is
/// off by four times its error is wrong in any of them.
struct LogCoverage : Tally {
  std::string logger;
  LogFault fault = LogFault::none;
};

LogCoverage cover(const LoggerTraits& traits, LogFault fault, int runs, std::uint64_t seed);

/// Markdown: loggers down, faults across.
std::string log_coverage_table(const std::vector<LogCoverage>& cells);

}  // namespace ergon::simulator
