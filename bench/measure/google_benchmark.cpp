#include "bench/measure/google_benchmark.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "bench/base/clock.h"
#include "bench/base/error.h"
#include "bench/measure/filter.h"
#include "bench/measure/google_benchmark_flags.h"
#include "bench/measure/host.h"
#include "bench/measure/verify.h"
#include "bench/measure/window.h"

namespace ergon::measure {
namespace {

// One prepared case at a time: Google Benchmark calls the same case again for every repetition.
class Prepared {
 public:
  Prepared(const Case& what, std::uint64_t seed)
      : inputs_(what.family->inputs(*what.workload, seed, slots_of(what))),
        plan_(what.implementation->prepare(*what.workload, *inputs_,
                                           {what.device, what.threads, slots_of(what)})),
        timed_(*plan_, *what.device, slots_of(what), clock_) {
    timed_.prepare();
    oracle_ = what.family->oracle(*what.workload, *inputs_);
    check();
  }
  /// One call on poisoned outputs; error() then tells what was wrong.
  void check() {
    if (error_.empty()) error_ = check_one_call(timed_, *oracle_, 0).mismatch.value_or("");
  }
  Timed& timed() { return timed_; }
  const std::string& error() const { return error_; }

 private:
  static std::size_t slots_of(const Case& what) {
    return what.cold ? cold_slots(*what.workload, *what.device) : 1;
  }
  SteadyClock clock_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Plan> plan_;
  std::unique_ptr<Oracle> oracle_;
  Timed timed_;
  std::string error_;
};

class Runner {
 public:
  explicit Runner(std::uint64_t seed) : seed_(seed) {}

  void run(benchmark::State& state, const Case& what) {
    try {
      measure(state, what);
    } catch (const std::exception& error) {
      failed_ = true;
      state.SkipWithError(error.what());
    }
  }
  void release() { prepared_.reset(); }
  bool failed() const { return failed_; }

 private:
  void measure(benchmark::State& state, const Case& what) {
    if (name_ != what.name()) {
      prepared_.reset();
      name_ = what.name();
      prepared_ = std::make_unique<Prepared>(what, seed_);
    }
    if (!prepared_->error().empty()) {
      failed_ = true;
      state.SkipWithError(("wrong: " + prepared_->error()).c_str());
      return;
    }
    // Windows of a tenth of the iterations: few enough clock readings to cost nothing, and several
    // samples of the machine.
    const auto wanted = static_cast<std::int64_t>(state.max_iterations);
    const std::int64_t batch = std::max<std::int64_t>(1, wanted / 10);
    while (state.KeepRunningBatch(batch))
      state.SetIterationTime(prepared_->timed().window(batch).seconds);
    prepared_->check();
    if (!prepared_->error().empty()) {
      failed_ = true;
      state.SkipWithError(("wrong after timing: " + prepared_->error()).c_str());
      return;
    }
    const Work work = what.workload->work();
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(work.flops, Counter::kIsIterationInvariantRate);
    state.counters["B/s"] = Counter(work.bytes, Counter::kIsIterationInvariantRate);
    if (work.tokens)
      state.counters["tokens/s"] = Counter(*work.tokens, Counter::kIsIterationInvariantRate);
  }
  std::uint64_t seed_;
  std::string name_;
  std::unique_ptr<Prepared> prepared_;
  bool failed_ = false;
};

// Ours, because theirs backtracks and says nothing where it finds nothing.
std::vector<const Case*> filtered(const std::vector<Case>& cases,
                                  const GoogleBenchmarkFlags& flags) {
  const Filter filter(flags.filter, "--benchmark_filter");
  std::vector<const Case*> out;
  for (const Case& what : cases)
    if (filter.finds(what.name() + "/manual_time") != flags.filter_is_negative)
      out.push_back(&what);
  if (out.empty())
    throw UserError({"command line", 0, "--benchmark_filter"}, "no case is left after filtering");
  return out;
}

void say_what_cannot_run(const std::vector<const Case*>& cases) {
  std::size_t count = 0;
  for (const Case* what : cases) {
    if (!what->skip) continue;
    std::fprintf(stderr, "not here: %s: %s\n", what->name().c_str(), what->skip->c_str());
    ++count;
  }
  if (count == cases.size()) throw UserError("none of these cases can run here");
}

}  // namespace

bool is_google_benchmark_flag(const std::string& argument) {
  return argument.rfind("--benchmark_", 0) == 0;
}

int run_google_benchmark(const std::vector<Case>& cases, const std::vector<std::string>& flags,
                         std::uint64_t seed) {
  const GoogleBenchmarkFlags checked = check_google_benchmark_flags(flags);
  const std::vector<const Case*> wanted = filtered(cases, checked);
  Runner runner(seed);
  for (const Case* one : wanted) {
    const Case& what = *one;
    if (what.skip) continue;
    benchmark::RegisterBenchmark(
        what.name().c_str(), [&runner, &what](benchmark::State& state) { runner.run(state, what); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
  std::vector<std::string> words{"ergon"};
  words.insert(words.end(), checked.others.begin(), checked.others.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  const record::Build build = describe_build();
  benchmark::AddCustomContext("ergon", build.version + " " + build.commit);
  benchmark::Initialize(&argc, argv.data());
  if (argc > 1)
    throw UserError({"command line", 0, argv[1]}, "Google Benchmark 1.7 has no such flag");
  say_what_cannot_run(wanted);
  benchmark::RunSpecifiedBenchmarks();
  runner.release();
  benchmark::Shutdown();
  return runner.failed() ? 1 : 0;
}

}  // namespace ergon::measure
