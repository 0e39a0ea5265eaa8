// The highest of many numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace ergon {

/// Indices of the `k` highest of `count` scores, ascending; of equal ones the first. `k` <=
/// `count`. By digits (radix selection): the bits of a float, with a little turning, order as
/// integers do.
class TopSelection {
 public:
  void select(const float* scores, std::int64_t count, std::int64_t k, std::int32_t* to);

 private:
  std::vector<std::uint32_t> keys_;
};

}  // namespace ergon
