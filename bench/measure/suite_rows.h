// Are a record's rows cases of the suite whose text it holds?
#pragma once

#include <vector>

#include "bench/record/document.h"
#include "bench/record/verify.h"

namespace ergon::measure {

/// Expands the suite's text again and looks for each row's workload and number formats, and for the
/// run's name and seed. Backends, threads and caches are left alone: the command line may choose
/// others. So are ceilings, imported rows, kernels that this build does not know, and records
/// without the text.
std::vector<record::Finding> check_suite(const record::Document& document);

}  // namespace ergon::measure
