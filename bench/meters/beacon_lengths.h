// How long a run with a log to come stays idle, or busy, at each of its marks in the power.
#pragma once

#include <cstdint>

namespace ergon {

/// Seconds of the mark number `count`, from 0, in a launch with `seed`: 6 to 14 times
/// `unit_seconds`, the log's period, so that enough readings lie on both sides of an edge to know
/// the levels. The lengths do not repeat, neither in a launch nor in the launch of another seed, so
/// that only the right log fits, at only one offset.
inline double beacon_seconds(std::uint64_t seed, int count, double unit_seconds) noexcept {
  constexpr double shortest_units = 6;
  constexpr double more_units = 8;
  // SplitMix64 (Steele, Lea, Flood 2014).
  std::uint64_t z = seed + (static_cast<std::uint64_t>(count) + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  z ^= z >> 31;
  const double share = static_cast<double>(z >> 11) * 0x1p-53;
  return unit_seconds * (shortest_units + more_units * share);
}

}  // namespace ergon
