// At the start of a run: what is known of each meter is applied and briefly rechecked.
//
// A meter that is no longer as it was found is characterised anew where that takes seconds, else
// refused. One of which nothing is known yet is characterised where that takes seconds; a slow one
// keeps what its opener found out, and the record says so. Meters of an accelerator, which no load
// of ours reaches, are rechecked and characterised at idle.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "bench/measure/evidence.h"
#include "bench/measure/meter_memory.h"

namespace ergon::measure {

struct Settling {
  Clock& clock;
  Load& load;
  MeterMemory& memory;
  std::function<void(std::string_view)> say;  // one line of what takes time
};

/// Applies what is kept to every meter of `energy`.
void apply_kept(Energy& energy, const MeterMemory& memory);

/// apply_kept(), then rechecks the meters that `wanted` (MeterChoice) asks for: of "auto", down to
/// the first of a processor that holds. Moves those that do not hold to `energy.unavailable`.
void settle(Energy& energy, const std::vector<std::string>& wanted, const Settling& with);

/// For a launch of a run that has settled: the meters as its record describes them.
void settle_as_recorded(Energy& energy, const record::Document& document);

}  // namespace ergon::measure
