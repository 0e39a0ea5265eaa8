// The shape of this machine as hwloc sees it (HWLOC_SYNTHETIC and HWLOC_XMLFILE are honoured).
#pragma once

#include <vector>

#include "bench/base/maybe.h"

namespace ergon::measure {

struct Topology {
  int cores = 0, threads = 0, sockets = 0, numa_nodes = 0;
};

/// Absent where hwloc cannot tell, or tells of no core at all.
Maybe<Topology> topology();

/// How many cores the logical processors `ids` (the operating system's numbers) are threads of.
/// Absent where hwloc knows no core of one of them.
Maybe<int> physical_cores(const std::vector<int>& ids);

}  // namespace ergon::measure
