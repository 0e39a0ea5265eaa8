// What the experiments print alike: ratios and shares as Markdown cells. Percentages have one
// decimal.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "bench/base/interval.h"

namespace ergon::experiments {

/// "+0.3 % [+0.1, +0.6]"; "—" where there were too few pairs for an interval.
inline std::string change(const std::optional<Estimate>& ratio) {
  if (!ratio) return "—";
  return fmt::format("{:+.2f} % [{:+.2f}, {:+.2f}]", 100 * (ratio->value - 1),
                     100 * (ratio->low - 1), 100 * (ratio->high - 1));
}

/// "57 of 60 (95.0 %)"
template <class Count>
std::string share(Count part, Count whole) {
  if (whole == 0) return "0 of 0";
  return fmt::format("{} of {} ({:.1f} %)", part, whole,
                     100 * static_cast<double>(part) / static_cast<double>(whole));
}

/// "1.9 us", "43.2 ms"
inline std::string time(double seconds) {
  return seconds < 1e-3 ? fmt::format("{:.2f} µs", 1e6 * seconds)
                        : fmt::format("{:.2f} ms", 1e3 * seconds);
}

}  // namespace ergon::experiments
