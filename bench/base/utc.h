// The time of day, by the system's clock, as records write it: "2026-01-31T12:00:00Z".
#pragma once

#include <string>

namespace ergon {

std::string utc_now();

}  // namespace ergon
