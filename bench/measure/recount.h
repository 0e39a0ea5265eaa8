// Does the work that a record claims for its rows follow from their workloads?
#pragma once

#include <span>
#include <vector>

#include "bench/record/document.h"
#include "bench/record/verify.h"
#include "kernels/registry.h"

namespace ergon::measure {

/// Makes each row's workload again and compares its counted work, name and number formats. Rows of
/// kernels that are not among `known`, and imported ones, are left alone.
std::vector<record::Finding> recount(const record::Document& document,
                                     std::span<const Family* const> known = families());

}  // namespace ergon::measure
