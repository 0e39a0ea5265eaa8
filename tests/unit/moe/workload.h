// Workloads of moe for its tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/moe/moe.h"

namespace ergon {

struct MoeShape {
  std::int64_t m, n, k, experts, top_k;
};

inline std::unique_ptr<Moe> moe_of(const std::string& format, const MoeShape& shape,
                                   FieldMap more = {}) {
  more.insert({{"format", format},
               {"m", shape.m},
               {"n", shape.n},
               {"k", shape.k},
               {"experts", shape.experts},
               {"top_k", shape.top_k}});
  auto workload = moe_family().make(more);
  return std::unique_ptr<Moe>(dynamic_cast<Moe*>(workload.release()));
}

}  // namespace ergon
