// What was found out about this machine's meters, kept between runs in `$ERGON_STATE`, else
// `$XDG_STATE_HOME/ergon/meters.json`, else `~/.local/state/ergon/meters.json`.
//
// An entry belongs to a machine (processor, and a hash of /etc/machine-id that tells nothing else
// of it) and to a meter that says the same of itself.
#pragma once

#include <string>

#include "bench/meters/characterise.h"
#include "bench/record/meter_state.h"

namespace ergon::measure {

/// The file's path; absent where the environment names no place.
Maybe<std::string> meter_state_path();
/// Without meters.
record::KnownMachine this_machine();

Characterisation characterisation_of(const record::KnownMeter& known);

class MeterMemory {
 public:
  /// UserError where there is a file that cannot be read or is malformed.
  MeterMemory(Maybe<std::string> path, record::KnownMachine machine);
  /// Of this user on this machine.
  static MeterMemory open();

  const Maybe<std::string>& path() const noexcept { return path_; }
  const record::KnownMachine& machine() const noexcept { return machine_; }
  /// nullptr where the meter is not known.
  const record::KnownMeter* find(const MeterInfo& info) const;
  /// Keeps it from now on, in place of what was known, and writes the file; empty, or why it could
  /// not be written. What others wrote meanwhile stays.
  std::string keep(const MeterInfo& info, const Characterisation& found, const std::string& utc);

 private:
  Maybe<std::string> path_;
  record::KnownMachine machine_;
  record::MeterState state_;
};

}  // namespace ergon::measure
