// The middle one of some values; of an even number, the upper of the two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ergon {

/// Of one value at least.
inline double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace ergon
