// Does the work that a record claims for its rows follow from their workloads?
#pragma once

#include <vector>

#include "bench/record/document.h"
#include "bench/record/verify.h"

namespace ergon::measure {

/// Makes each row's workload again and compares flops, bytes, name and number formats. Rows of
/// kernels that this build does not know, and imported ones, are left alone.
std::vector<record::Finding> recount(const record::Document& document);

}  // namespace ergon::measure
