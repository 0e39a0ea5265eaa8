// The cases as Google Benchmark's own benchmarks: one manual-time benchmark each over window(), so
// that its filters, listing, repetitions, console and JSON work as everyone knows them. One case
// runs after the other, so drift is not shared between them, nothing is interleaved, and no record
// is written: `ergon run` without these flags does that.
#pragma once

#include <string>
#include <vector>

#include "bench/measure/case.h"

namespace ergon::measure {

/// True for "--benchmark_..." arguments.
bool is_google_benchmark_flag(const std::string& argument);

/// Registers, hands `flags` to Google Benchmark and runs; what cannot run is said on stderr.
/// Throws UserError for a flag it does not know or cannot take, and where no case is left. Returns
/// the process's exit code: 1 where a case failed or was wrong.
int run_google_benchmark(const std::vector<Case>& cases, const std::vector<std::string>& flags,
                         std::uint64_t seed);

}  // namespace ergon::measure
