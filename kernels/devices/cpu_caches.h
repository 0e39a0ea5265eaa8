// The caches that some processors reach, as Linux lists them in
// <sysfs>/devices/system/cpu/cpuN/cache. Two processors that name the same sharers share a cache.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/devices/cpu.h"

namespace ergon {

/// Data and unified caches of `processors`, innermost first, those of one level and size as one
/// entry with the number of instances; what cannot be read is left out. Where the sharers of a
/// cache are not listed, one instance of its size is taken to serve all.
std::vector<CpuCache> read_caches(const std::string& sysfs, const std::vector<int>& processors);

/// Processors in a Linux list: "0-3,8" holds 5. 0 where the text is not such a list.
int count_in_list(std::string_view list) noexcept;

}  // namespace ergon
