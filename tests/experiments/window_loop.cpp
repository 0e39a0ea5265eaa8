// Ergon's own windows over a call, for the comparison with loops that know nothing of Ergon.
//   window_loop SELECTOR SIZE THREADS WINDOW WINDOWS -> "seconds per call, file" on stdout
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <vector>

#include "bench/stats/stats.h"
#include "tests/experiments/one_gemm.h"

int main(int argc, char** argv) try {
  using namespace ergon;
  if (argc != 6) return 2;
  const measure::Machine machine(RegistryOptions{});
  const auto& how = experiments::implementation(machine, argv[1]);
  experiments::OneGemm gemm(machine, how, std::atoll(argv[2]), std::atoi(argv[3]));

  const std::int64_t calls = gemm.calls_for(std::atof(argv[4]));
  std::vector<double> samples;
  for (int i = 0; i < std::atoi(argv[5]); ++i)
    samples.push_back(gemm.timed().window(calls).seconds / static_cast<double>(calls));
  const auto file = std::filesystem::canonical(how.info().library.value().path);
  std::printf("%.9g %s\n", stats::median(samples), file.c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "window_loop: %s\n", error.what());
  return 2;
}
