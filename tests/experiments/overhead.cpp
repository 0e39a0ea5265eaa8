// What does Ergon's loop add to a call? The same small cblas_sgemm on the same memory, timed by
//   window     measure::Timed over the plan, as every measurement is
//   plan       a loop by hand over the plan's enqueue
//   bare       a loop over the library's own function
//   bare again the same once more: what the experiment says where nothing differs
// Each round takes one window of each, in shuffled order, of the same number of calls; ratios are
// within rounds. Sizes are those whose bare call is nearest to 1, 10 and 100 microseconds.
//   overhead ROUNDS WINDOW_SECONDS
#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <random>
#include <vector>

#include "bench/measure/host.h"
#include "bench/stats/stats.h"
#include "kernels/gemm/cblas_library.h"
#include "tests/experiments/one_gemm.h"
#include "tests/experiments/table.h"

namespace {

using namespace ergon;
using Sgemm = CblasGemm<float, float, float>::Single;

/// The function that the plan calls, from the file that the plan's library says it is.
Sgemm find_sgemm(const Implementation& openblas) {
  void* handle = dlopen(openblas.info().library.value().path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* found = handle ? dlsym(handle, "cblas_sgemm") : nullptr;
  if (!found) throw std::runtime_error("cblas_sgemm is not where the library says it is");
  return reinterpret_cast<Sgemm>(found);
}

/// The call without anything around it, on the plan's own memory.
class Bare {
 public:
  Bare(Sgemm sgemm, experiments::OneGemm& gemm, std::int64_t size)
      : sgemm_(sgemm),
        n_(static_cast<int>(size)),
        a_(gemm.inputs().as<float>("a", 0)),
        b_(gemm.inputs().as<float>("b", 0)) {
    const DeviceTensor c = gemm.plan().outputs(0).at(0);
    c_ = reinterpret_cast<float*>(c.buffer->host() + c.offset);
  }
  void operator()() const { sgemm_(101, 111, 111, n_, n_, n_, 1, a_, n_, b_, n_, 0, c_, n_); }

 private:
  Sgemm sgemm_;
  int n_;
  const float *a_, *b_;
  float* c_;
};

template <class Call>
double seconds_of(Clock& clock, std::int64_t calls, const Call& call) {
  const double start = clock.now_seconds();
  for (std::int64_t i = 0; i < calls; ++i) call();
  return clock.now_seconds() - start;
}

class Experiment {
 public:
  Experiment(const measure::Machine& machine, int rounds, double window_seconds)
      : machine_(machine),
        openblas_(experiments::implementation(machine, "cblas:openblas")),
        sgemm_(find_sgemm(openblas_)),
        rounds_(rounds),
        window_seconds_(window_seconds) {}

  /// The size whose bare call is nearest to `wanted`, by ratio.
  std::int64_t size_for(double wanted) const {
    std::int64_t best = 0;
    double nearest = 0;
    for (std::int64_t size = 8; size <= 512; size += size / 8) {
      const double seconds = bare_seconds(size);
      const double distance = std::abs(std::log(seconds / wanted));
      if (best == 0 || distance < nearest) {
        best = size;
        nearest = distance;
      }
      if (seconds > 4 * wanted) break;
    }
    return best;
  }

  void row(double wanted) {
    const std::int64_t size = size_for(wanted);
    const auto samples = rounds_of(size);
    const auto against_bare = [&](std::size_t way) {
      return experiments::change(stats::paired_ratio(samples[bare], samples[way]));
    };
    std::printf("| %lld | %s | %s | %s | %s |\n", static_cast<long long>(size),
                experiments::time(stats::median(samples[bare])).c_str(),
                against_bare(window).c_str(), against_bare(plan).c_str(),
                against_bare(bare_again).c_str());
    std::fflush(stdout);
  }

 private:
  enum Way : std::size_t { window, plan, bare, bare_again, ways };

  double bare_seconds(std::int64_t size) const {
    experiments::OneGemm gemm(machine_, openblas_, size, 1);
    const Bare call(sgemm_, gemm, size);
    const auto calls = gemm.calls_for(1e-3);
    std::vector<double> samples;
    for (int i = 0; i < 5; ++i)
      samples.push_back(seconds_of(gemm.clock(), calls, call) / static_cast<double>(calls));
    return stats::median(samples);
  }

  std::array<std::vector<double>, ways> rounds_of(std::int64_t size) {
    experiments::OneGemm gemm(machine_, openblas_, size, 1);
    const Bare call(sgemm_, gemm, size);
    const auto stream = machine_.cpu().make_stream();
    const auto calls = gemm.calls_for(window_seconds_);
    const auto by_hand = [&] { gemm.plan().enqueue(0, *stream, 0); };
    const std::array<std::function<double()>, ways> timed = {
        [&] { return gemm.timed().window(calls).seconds; },
        [&] { return seconds_of(gemm.clock(), calls, by_hand); },
        [&] { return seconds_of(gemm.clock(), calls, call); },
        [&] { return seconds_of(gemm.clock(), calls, call); }};

    std::array<std::vector<double>, ways> samples;
    std::array<std::size_t, ways> order = {window, plan, bare, bare_again};
    for (int round = 0; round < rounds_; ++round) {
      std::shuffle(order.begin(), order.end(), random_);
      for (const std::size_t way : order)
        samples[way].push_back(timed[way]() / static_cast<double>(calls));
    }
    return samples;
  }

  const measure::Machine& machine_;
  const Implementation& openblas_;
  Sgemm sgemm_;
  int rounds_;
  double window_seconds_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  measure::bind_threads();
  const measure::Machine machine(RegistryOptions{.blas = {"openblas"}});
  Experiment experiment(machine, std::atoi(argv[1]), std::atof(argv[2]));
  std::printf("| m = n = k | bare call | window / bare | plan / bare | bare again / bare |\n");
  std::printf("|---|---|---|---|---|\n");
  for (const double seconds : {1e-6, 1e-5, 1e-4}) experiment.row(seconds);
  std::printf("\nOpenBLAS sgemm, one thread; %s rounds of windows of %s s.\n", argv[1], argv[2]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "overhead: %s\n", error.what());
  return 2;
}
