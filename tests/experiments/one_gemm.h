// An f32 GEMM of square matrices, prepared from the registry with all that it lives on, and timed
// by the one place that times plans. For the experiments; warm, one slot.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "bench/base/clock.h"
#include "bench/measure/case.h"
#include "bench/measure/window.h"
#include "kernels/gemm/gemm.h"

namespace ergon::experiments {

/// The one implementation that `selector` picks. Throws std::runtime_error where none can run.
inline const Implementation& implementation(const measure::Machine& machine,
                                            const std::string& selector) {
  for (const auto& candidate : machine.registry.implementations()) {
    if (candidate->info().kernel != "gemm" || !matches(selector, candidate->info())) continue;
    if (const auto why = candidate->unavailable()) throw std::runtime_error(selector + ": " + *why);
    return *candidate;
  }
  throw std::runtime_error("no implementation is called " + selector);
}

class OneGemm {
 public:
  OneGemm(const measure::Machine& machine, const Implementation& how, std::int64_t size,
          int threads)
      : workload_(gemm_family().make({{"m", size}, {"n", size}, {"k", size}, {"dtype", "f32"}})),
        inputs_(gemm_family().inputs(*workload_, 1, 1)),
        plan_(how.prepare(*workload_, *inputs_, {&machine.cpu(), threads, 1})),
        timed_(*plan_, machine.cpu(), 1, clock_) {
    timed_.prepare();
  }
  Plan& plan() { return *plan_; }
  const Inputs& inputs() const { return *inputs_; }
  measure::Timed& timed() { return timed_; }
  SteadyClock& clock() { return clock_; }

  /// Calls that fill about `seconds`; warms caches and clocks up on the way.
  std::int64_t calls_for(double seconds) {
    std::int64_t calls = 1;
    for (;;) {
      const double taken = timed_.window(calls).seconds;
      if (taken >= seconds / 2)
        return std::max<std::int64_t>(1,
                                      std::llround(static_cast<double>(calls) * seconds / taken));
      calls *= 2;
    }
  }

 private:
  SteadyClock clock_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Plan> plan_;
  measure::Timed timed_;
};

}  // namespace ergon::experiments
