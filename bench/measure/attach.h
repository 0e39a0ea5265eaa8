// Joules from a power log that something else wrote during a run, put into the run's record
// afterwards.
//
// The log is put on the run's clock by what the record knows of idle and busy times: its beacons
// and its energy windows (bench/meters/timed_log.h). Windows of a run with `--meter log` are filled
// in, and the log is the primary meter; beside another meter it becomes an extra one.
#pragma once

#include <string>

#include "bench/meters/timed_log.h"
#include "bench/record/document.h"

namespace ergon::measure {

struct AttachOptions {
  std::string file;    // the log's name, as errors and the record say it
  std::string sha256;  // of its text
  LogTraits traits;
};

struct Attached {
  std::string meter;
  Alignment alignment;
  int windows = 0;
  int with_joules = 0;
  std::string first_reason;  // why one has none; empty where all have
};

/// Changes `document` only where it succeeds. Absent where the log cannot be aligned, or gives no
/// window joules. UserError where it is attached already, or the record has no energy windows.
Maybe<Attached> attach_log(record::Document& document, const PowerLog& log,
                           const AttachOptions& options);

}  // namespace ergon::measure
