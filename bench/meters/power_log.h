// A log of watts or joules that something else wrote: a plug, a BMC's exporter, a power analyser.
//
// Text with one reading per line, fields separated by tabs, semicolons or commas (the first of
// these that the first line holds), "quoted" or not; with semicolons and tabs a decimal comma is
// allowed. Lines that are empty or start with # are passed over. The first other line is the
// heading where none of its fields is a number or a time. Time is an ISO 8601 date with time of
// day, or a number: seconds or milliseconds since 1970 where it is that large, else seconds since
// anything. An empty value is a reading that was lost. A file that has its newest reading first is
// turned round.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/meters/meter.h"
#include "bench/meters/printed.h"

namespace ergon {

struct LogOptions {
  std::string time_column;   // name, or number from 1; empty: found by its name, else the first
  std::string value_column;  // name, or number from 1; empty: found by its unit, else the second
  std::optional<Unit> unit;  // else that in the value column's name: "Power [W]", "energy_Wh"
  std::optional<double> zone_seconds;  // of times without a zone, east of Greenwich
};

struct PowerLog {
  Quantity quantity = Quantity::watts;
  Trace readings;          // oldest first where the file is in order, on the log's own clock
  std::vector<int> lines;  // of each reading, from 1
  bool is_utc = false;     // seconds since 1970, else since anything
  double stamp_resolution_seconds = 0;
  double value_resolution = 0;  // watts or joules of the last digit
};

/// Throws UserError with `file`, line and column for what is no such log.
PowerLog parse_power_log(std::string_view text, const std::string& file, const LogOptions& options);

}  // namespace ergon
