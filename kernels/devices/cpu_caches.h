// The caches of processor 0 as Linux lists them in <sysfs>/devices/system/cpu/cpu0/cache. On
// machines whose cores differ this is one kind of core only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/devices/cpu.h"

namespace ergon {

/// Data and unified caches, innermost first; entries that cannot be read are left out.
std::vector<CpuCache> read_caches(const std::string& sysfs);

/// Processors in a Linux list: "0-3,8" holds 5. 0 where the text is not such a list.
int count_in_list(std::string_view list) noexcept;

}  // namespace ergon
