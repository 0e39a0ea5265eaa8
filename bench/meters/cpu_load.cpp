#include "bench/meters/cpu_load.h"

#include <sched.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ergon {
namespace {

/// So many multiply-adds between two looks at the switch: some tens of microseconds.
constexpr int turns = 1000;
/// Independent chains of so many doubles each hide the latency of a multiply-add and fill vectors.
constexpr std::size_t lanes = 64;

/// Values alternate between x and 1 - x, so that their bits keep changing and none is ever special.
/// `minus_one` is known only when it runs, so that the multiplication stays.
double busy(double start, double minus_one) {
  std::array<double, lanes> values;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    values[lane] = start + static_cast<double>(lane) / (3.0 * lanes);
  for (int turn = 0; turn < turns; ++turn)
    for (double& value : values) value = value * minus_one + 1.0;
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

/// Bound to one processor, in the class of idle work. Either may be refused (a filter of system
/// calls): then the load is less even, which is what characterising would see.
void settle_on(int processor) {
  if (cpu_set_t* set = CPU_ALLOC(processor + 1)) {
    const std::size_t bytes = CPU_ALLOC_SIZE(processor + 1);
    CPU_ZERO_S(bytes, set);
    CPU_SET_S(static_cast<std::size_t>(processor), bytes, set);
    sched_setaffinity(0, bytes, set);
    CPU_FREE(set);
  }
  const sched_param none{};
  sched_setscheduler(0, SCHED_IDLE, &none);
}

}  // namespace

struct CpuLoad::State {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::atomic<bool> on = false;
  std::atomic<double> result = 0;     // asked by nobody: so that nothing of it is left out
  std::vector<std::jthread> threads;  // last: they stop before what they use goes

  void work(const std::stop_token& stopping, int processor) {
    settle_on(processor);
    const volatile double minus_one = -1;
    while (true) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, stopping, [&] { return on.load(); });
      }
      if (stopping.stop_requested()) return;
      while (on && !stopping.stop_requested())
        result.store(busy(0.3, minus_one), std::memory_order_relaxed);
    }
  }
};

CpuLoad::CpuLoad(const std::vector<int>& processors) : state_(std::make_unique<State>()) {
  for (const int processor : processors)
    state_->threads.emplace_back(
        [state = state_.get(), processor](const std::stop_token& stopping) {
          state->work(stopping, processor);
        });
}

CpuLoad::~CpuLoad() = default;

void CpuLoad::set(bool on) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->on = on;
  }
  state_->changed.notify_all();
}

}  // namespace ergon
