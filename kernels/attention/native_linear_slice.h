// One head of one sequence, or some columns of its v: what a thread computes by itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ergon {

struct LinearSlice {
  std::int64_t tokens = 0, columns = 0;
  float slope = 0;
  const std::byte *q = nullptr, *k = nullptr;  // of the first token
  const std::byte* v = nullptr;                // the same, at the first column
  std::byte* o = nullptr;
  std::int64_t qk_row = 0, v_row = 0;  // bytes from token to token
  float* state = nullptr;              // before, and after
  std::int64_t state_row = 0;          // elements
};

}  // namespace ergon
