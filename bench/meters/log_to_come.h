// The meter of a log that is attached to the record afterwards (`ergon energy attach`): while the
// run lasts it knows nothing but how long windows such a log needs. Every reading is invalid, so
// windows are kept without joules.
//
// Behind `--meter log` may stand, after a colon, `key=value` words: period (seconds between the
// log's entries [1]) and scope ([wall]).
#pragma once

#include <string>
#include <string_view>

#include "bench/meters/meter.h"

namespace ergon {

inline constexpr const char* log_to_come_id = "log";

struct LogToCome {
  double period_seconds = 1;
  Scope scope = Scope::wall;
};
/// Absent with what is wrong.
Maybe<LogToCome> parse_log_to_come(std::string_view text);

}  // namespace ergon
