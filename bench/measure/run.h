// One run: suite -> cases -> blocks -> journal -> record. In this process, or in one fresh process
// per launch.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/config/hardware.h"
#include "bench/config/suite.h"
#include "bench/measure/case.h"
#include "bench/measure/evidence.h"
#include "bench/measure/session.h"
#include "bench/record/document.h"
#include "kernels/devices/memory.h"

namespace ergon::measure {

struct RunOptions {
  CaseOptions cases;
  EvidenceOptions evidence;
  std::vector<record::Price> prices;
  std::string out;  // the record's path
  bool overwrite = false;
  bool resume = false;                   // go on from out's journal
  std::optional<double> budget_seconds;  // of all launches together; else the suite's, else 240
  int launches = 1;
  double ratio_interval = 0;  // two libraries are compared: see Effort
  bool power_traces = false;
  bool follow = false;  // a leader on standard input gives out the windows (follow.h)
  PagePolicy pages = PagePolicy::system;
  std::vector<std::string> command;  // as typed, for the record
  /// What a command asked for, in one spelling, without what may differ when a run goes on.
  std::function<std::vector<std::string>(const std::vector<std::string>&)> settings_of;
};

/// Runs everything and leaves a finished record at `options.out`. Progress goes to stderr: one line
/// that renews itself on a terminal, plain lines in a pipe.
record::Document run(const config::Suite& suite, const Machine& machine,
                     const config::HardwareCatalogue& catalogue, const RunOptions& options);

/// The process of one launch of a run whose journal exists: appends its samples and row results.
void run_launch(const config::Suite& suite, const Machine& machine,
                const config::HardwareCatalogue& catalogue, const RunOptions& options, int launch);

}  // namespace ergon::measure
