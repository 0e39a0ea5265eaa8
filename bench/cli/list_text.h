// What `ergon list` says of cases: counted work and memory of each, and why those that cannot run
// do not.
#pragma once

#include <string>
#include <vector>

#include "bench/measure/case.h"

namespace ergon::cli {

/// One line for each case, the widest name deciding where the numbers stand; columns that no case
/// fills are left out.
std::string list_text(const std::vector<measure::Case>& cases);

}  // namespace ergon::cli
