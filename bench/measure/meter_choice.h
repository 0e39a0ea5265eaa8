// What `--meter` asks for. The option may be repeated; each value is a list separated by commas, in
// which `command:` takes the rest, commas and all:
//
//   --meter perf,nvml --meter 'command:scope=wall mode=stream unit=W my-plug --watch'
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ergon::measure {

struct MeterChoice {
  /// "auto", "none" or ids of meters, in the order given; not empty.
  std::vector<std::string> wanted;
  std::vector<std::string> commands;  // of each "command:...", as MeterContext takes them
  std::optional<std::string> log;     // of "log" or "log:..."
};

/// `values` as given on the command line. UserError for an empty one, one that is given twice, a
/// command or a log that is described wrongly, and for auto or none beside others.
MeterChoice choose_meters(const std::vector<std::string>& values);

}  // namespace ergon::measure
