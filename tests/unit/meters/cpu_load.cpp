#include "bench/meters/cpu_load.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <thread>

namespace ergon {
namespace {

double seconds_on(clockid_t clock) {
  timespec used{};
  clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// Of all threads but this one.
double processor_seconds() {
  return seconds_on(CLOCK_PROCESS_CPUTIME_ID) - seconds_on(CLOCK_THREAD_CPUTIME_ID);
}

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

/// However busy the machine is, until so much processor time was used.
void wait_for_work(double seconds) {
  const double start = processor_seconds();
  while (processor_seconds() - start < seconds) pause();
}

std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator{});
}

std::vector<int> allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> out;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) out.push_back(cpu);
  return out;
}

TEST(CpuLoad, SleepsUntilItIsSwitchedOnAndAgainAfterwards) {
  CpuLoad load(allowed());
  pause();
  const double before = processor_seconds();
  pause();
  EXPECT_LT(processor_seconds() - before, 1e-3);
  load.set(true);
  wait_for_work(2e-3);
  load.set(false);
  pause();  // what was begun is done
  const double after = processor_seconds();
  for (int i = 0; i < 5; ++i) pause();
  EXPECT_LT(processor_seconds() - after, 1e-3);
}

TEST(CpuLoad, SwitchesTheSameThreads) {
  const auto before = threads_of_this_process();
  const std::vector<int> processors = allowed();
  CpuLoad load(processors);
  for (int i = 0; i < 5; ++i) {
    load.set(true);
    wait_for_work(1e-3);
    EXPECT_EQ(threads_of_this_process() - before, static_cast<std::ptrdiff_t>(processors.size()));
    load.set(false);
  }
}

TEST(CpuLoad, EndsWithItsThreadsWhateverItDoes) {
  const auto before = threads_of_this_process();
  {
    CpuLoad load(allowed());
    load.set(true);
  }
  { const CpuLoad load(allowed()); }
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(CpuLoad, DoesNotBindTheCaller) {
  const std::vector<int> before = allowed();
  CpuLoad load({before.front()});
  load.set(true);
  EXPECT_EQ(allowed(), before);
}

}  // namespace
}  // namespace ergon
