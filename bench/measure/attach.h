// Joules from a power log that something else wrote during a run, put into the run's record
// afterwards.
//
// The log's clock is aligned with the run by what the record knows of idle and busy times: its
// beacons and its energy windows (bench/meters/align.h). Then every energy window gets joules from
// the shifted log, with the offset's uncertainty as the readings' slack. Windows of a run with
// `--meter log` are filled in, and the log is the primary meter; beside another meter it becomes an
// extra one.
#pragma once

#include <optional>
#include <string>

#include "bench/meters/align.h"
#include "bench/meters/power_log.h"
#include "bench/record/document.h"

namespace ergon::measure {

struct AttachOptions {
  std::string file;    // the log's name, as errors and the record say it
  std::string sha256;  // of its text
  Scope scope = Scope::wall;
  double relative_uncertainty = 0;          // of its calibration
  std::optional<double> averaging_seconds;  // else as its response to edges tells
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
