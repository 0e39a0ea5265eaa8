// The meters of a fake tree's hwmon.
#pragma once

#include "tests/unit/meters/fake.h"
#include "tests/unit/meters/probed.h"

namespace ergon {

Probes probe_hwmon(const MeterContext& context);

namespace testing {

inline const auto nothing_moves = [](double) {};

inline Probes hwmon_in(const FakeTree& tree, Clock& clock) {
  MeterContext context;
  context.clock = &clock;
  context.sysfs = tree.root();
  return probe_hwmon(context);
}

}  // namespace testing
}  // namespace ergon
