// What this machine is, for the record and for `doctor`: processor, memory, system, virtualisation,
// binding, pages, and every environment variable that moves a library. Reads
// ERGON_SYSFS/ERGON_PROC.
#pragma once

#include <string>
#include <vector>

#include "bench/measure/case.h"
#include "bench/record/document.h"

namespace ergon::measure {

record::Host describe_host();
/// Versions and picked code paths of the libraries behind the usable implementations.
std::vector<record::Library> libraries(const Registry& registry);
record::Build describe_build();

/// Sets the OpenMP binding (OMP_PROC_BIND, OMP_PLACES, OMP_DYNAMIC) and starts this program again
/// with the same arguments where it is not set yet: the OpenMP runtime reads it only at its start.
void bind_threads();

/// The arguments this program was started with.
std::vector<std::string> command_line();

}  // namespace ergon::measure
