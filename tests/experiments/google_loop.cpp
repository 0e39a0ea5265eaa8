// The loop that anyone would write with Google Benchmark, timed by its own runner.
//   google_loop LIBRARY SIZE [--benchmark_...]
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "tests/experiments/plain_call.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  prepare_call(argv[1], std::atoi(argv[2]));
  benchmark::AddCustomContext("file", called_file());
  benchmark::RegisterBenchmark("call", [](benchmark::State& state) {
    for (auto _ : state) call();
  })->UseRealTime();
  argc -= 2;
  benchmark::Initialize(&argc, argv + 2);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
