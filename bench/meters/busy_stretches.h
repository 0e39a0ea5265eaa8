// What a log on the run's clock tells of times in which the run's power was steady.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "bench/meters/align.h"

namespace ergon {

/// The readings of each known time, those that touch made one, from `blur_seconds` after its start;
/// only of busy ones, or of idle ones too.
inline std::vector<std::span<Reading>> steady_stretches(Trace& trace,
                                                        const std::vector<KnownTime>& known,
                                                        double blur_seconds, bool idle_too) {
  const auto first_from = [&](double seconds) {
    return std::lower_bound(trace.begin(), trace.end(), seconds,
                            [](const Reading& r, double s) { return r.seconds < s; });
  };
  std::vector<std::span<Reading>> stretches;
  for (const KnownTime& time : joined(known)) {
    const double start = time.start_seconds + blur_seconds;
    if ((time.busy || idle_too) && start < time.end_seconds)
      stretches.emplace_back(first_from(start), first_from(time.end_seconds));
  }
  return stretches;
}

inline std::vector<std::span<Reading>> busy_stretches(Trace& trace,
                                                      const std::vector<KnownTime>& known,
                                                      double blur_seconds) {
  return steady_stretches(trace, known, blur_seconds, false);
}

}  // namespace ergon
