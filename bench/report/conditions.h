// What differs between two documents besides their figures.
#pragma once

#include <string>
#include <vector>

#include "bench/record/document.h"

namespace ergon::report {

/// Said of a run whose record is not complete.
inline constexpr const char* incomplete = "INCOMPLETE: the run ended before its last case";

/// What makes it another machine: processor, cores, sockets, devices. "cpu: A / B" each.
std::vector<std::string> machine_differences(const record::Document& base,
                                             const record::Document& fresh);
/// What may move figures on one machine: kernel, governor, binding, pages, variables, libraries,
/// build, seed.
std::vector<std::string> setting_differences(const record::Document& base,
                                             const record::Document& fresh);

}  // namespace ergon::report
