// Estimates times and over each other: the value of the values, the interval of the extremes.
// Positive quantities only.
#pragma once

#include <algorithm>

#include "bench/base/interval.h"
#include "bench/cost/cost.h"

namespace ergon::report {

using cost::exactly;

inline Estimate times(const Estimate& a, double factor) {
  return {a.value * factor, a.low * factor, a.high * factor};
}

inline Estimate times(const Estimate& a, const Estimate& b) {
  return {a.value * b.value, a.low * b.low, a.high * b.high};
}

inline Estimate over(const Estimate& a, const Estimate& b) {
  return {a.value / b.value, a.low / b.high, a.high / b.low};
}

/// An interval that does not hold its value is stretched to hold it.
inline Estimate holding(double value, Interval interval) {
  return {value, std::min(value, interval.low), std::max(value, interval.high)};
}

}  // namespace ergon::report
