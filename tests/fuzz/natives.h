// Our own kernels with every instruction set that this processor has, and its device.
#pragma once

#include <string>
#include <vector>

#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon::fuzz {

struct Native {
  simd::Isa isa;
  Implementations one;
};

inline std::vector<Native> natives_of(Implementations (*make)(const RegistryOptions& options)) {
  std::vector<Native> all;
  for (const simd::Isa isa :
       {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info())) all.push_back({isa, make({.isa = isa})});
  return all;
}

inline Device& cpu() {
  static const auto devices = [] {
    std::string reason;
    return find_cpu(reason);
  }();
  return *devices.at(0);
}

}  // namespace ergon::fuzz
