// Google Benchmark's flags, checked before its Initialize: it would print its usage, or two lines,
// or nothing, and often exit with 0.
#pragma once

#include <string>
#include <vector>

namespace ergon::measure {

struct GoogleBenchmarkFlags {
  std::string filter;               // of --benchmark_filter, without the leading '-'; empty: all
  bool filter_is_negative = false;  // "-expression": only what it does not find
  std::vector<std::string> others;  // for Initialize
};

/// UserError, naming the flag, for a value that Google Benchmark cannot take or a file that
/// cannot be written. The filter's expression is not looked at; flags it has not are not either.
GoogleBenchmarkFlags check_google_benchmark_flags(const std::vector<std::string>& flags);

}  // namespace ergon::measure
