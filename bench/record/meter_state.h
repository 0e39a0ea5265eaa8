// What characterising found of the meters of a user's machines: `ergon-meters/1`, one JSON file
// that runs read and `ergon doctor --meters` writes. Field names and units as in the record's
// meters.
//
// A home may be shared by machines, so each entry says whose it is.
#pragma once

#include <string>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"

namespace ergon::record {

struct KnownMeter {
  std::string id, about;      // both as the meter says of itself
  std::string characterised;  // when, in UTC
  std::string quantity;       // "joules" or "watts"
  Maybe<double> quantum;      // of that quantity
  Maybe<double> period_seconds, jitter_seconds, averaging_seconds, lag_seconds;
  double read_seconds = 0;
  Maybe<Estimate> idle_watts, busy_watts;
};

struct KnownMachine {
  std::string cpu;        // "AuthenticAMD 26/2/1": vendor and family/model/stepping
  Maybe<std::string> id;  // a hash of what the system calls the machine
  std::vector<KnownMeter> meters;
};

struct MeterState {
  std::vector<KnownMachine> machines;
};

/// UserError with `name` as the file, the line and the field for what is not such a text.
MeterState meter_state_from_text(const std::string& text, const std::string& name);
std::string to_text(const MeterState& state);

/// Empty where there is no file. UserError for one that cannot be read or is malformed.
MeterState read_meter_state(const std::string& path);
/// At any moment the file holds the old state or the new one; its folder is made where it is
/// missing. UserError where it cannot be written.
void write_meter_state(const std::string& path, const MeterState& state);

}  // namespace ergon::record
