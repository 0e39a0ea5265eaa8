// Are a record's rows cases of the suite whose text it holds?
#pragma once

#include <string>
#include <vector>

#include "bench/base/maybe.h"
#include "bench/record/document.h"
#include "bench/record/verify.h"

namespace ergon::measure {

struct SuiteCheck {
  std::vector<record::Finding> findings;
  std::vector<std::string> unchecked;  // one sentence each
};

/// Expands the suite's text again and looks for each row's workload and number formats, and for the
/// run's name and seed. Backends, threads and caches are left alone: the command line may choose
/// others. So are ceilings, imported rows, kernels that this build does not know, and records
/// without the text.
///
/// Of a model that the suite names, the text has only the name; its shapes are those that
/// `models_folder` has today. Where they cannot be found the rows are unchecked.
SuiteCheck check_suite(const record::Document& document, const Maybe<std::string>& models_folder);

}  // namespace ergon::measure
