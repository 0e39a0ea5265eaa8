// Student's t where a standard deviation is itself estimated from few values.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "bench/base/interval.h"

namespace ergon {

/// The normal quantile: Student's with no end of degrees of freedom.
inline constexpr double student_limit = 1.96;

/// 97.5 % quantile; exact for 1 and 2 degrees of freedom, within 1 % from 3 on (Cornish-Fisher
/// expansion, Abramowitz & Stegun 26.7.5); infinite for none.
inline double student_quantile(std::size_t degrees) noexcept {
  if (degrees == 0) return std::numeric_limits<double>::infinity();
  if (degrees == 1) return 12.7062;
  if (degrees == 2) return 4.30265;
  const double z = student_limit;
  const auto f = static_cast<double>(degrees);
  const double z2 = z * z;
  return z * (1 + (z2 + 1) / (4 * f) + ((5 * z2 + 16) * z2 + 3) / (96 * f * f) +
              (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * f * f * f));
}

/// 95 % interval of what independent normal values scatter about; needs two at least.
inline Interval student_interval(std::span<const double> values) noexcept {
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = student_quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return {mean - half, mean + half};
}

}  // namespace ergon
