// Moments as text: ISO 8601 dates with a time of day, "2026-01-31T12:00:00.123Z", "2026-01-31
// 13:00:00+01:00".
#pragma once

#include <optional>
#include <string_view>

namespace ergon {

struct Moment {
  double utc_seconds = 0;  // since 1970-01-01; where there is no zone, as if it were UTC
  bool has_zone = false;
  double resolution_seconds = 1;  // of its last digit
};

/// Nothing where `text` is no such date, or one that no calendar has.
std::optional<Moment> moment_from(std::string_view text) noexcept;

/// "Z", "+01:00", "-0530", "+2": seconds east of Greenwich.
std::optional<double> zone_seconds_from(std::string_view text) noexcept;

}  // namespace ergon
