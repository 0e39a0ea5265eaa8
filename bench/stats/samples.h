// What a sample may be, for the functions of stats.h.
#pragma once

#include <span>
#include <vector>

namespace ergon::stats {

/// The samples in ascending order. Throws std::invalid_argument for one that is not finite.
std::vector<double> sorted(std::span<const double> samples);

/// Throws std::invalid_argument where a sample is not finite and above zero.
void require_positive(std::span<const double> samples);

}  // namespace ergon::stats
