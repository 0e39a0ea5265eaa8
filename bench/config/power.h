// What a processor draws at the wall, per core, where no sensor can be read: from published
// whole-server results (configs/hardware/server_power.toml).
//
// The exact part where the brand string names one, else the range over the parts of its generation
// (or generations). Per physical core, the whole server included: power supplies, fans, memory. The
// figures are a model's input, not a measurement of this machine.
#pragma once

#include <string>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"
#include "bench/config/hardware.h"
#include "bench/config/match.h"

namespace ergon::config {

struct PowerFigures {
  /// value: median of the parts' medians; low and high: the extremes over their submissions.
  Estimate idle_watts_per_core;
  Estimate full_watts_per_core;
  std::vector<std::string> parts;  // names as published
  int submissions = 0;
  std::string rests_on;
  std::string source, as_of, confidence;
};

Maybe<PowerFigures> match_power(const HardwareCatalogue& catalogue, const CpuIdentity& cpu);

}  // namespace ergon::config
