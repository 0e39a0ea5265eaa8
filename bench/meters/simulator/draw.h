// Numbers that are the same on every machine for one seed, which <random>'s distributions are not.
#pragma once

#include <cstdint>
#include <random>

namespace ergon::simulator {

struct Draw {
  std::mt19937_64 random;
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
  }
};

}  // namespace ergon::simulator
