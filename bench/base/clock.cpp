#include "bench/base/clock.h"

#include <cerrno>
#include <cmath>
#include <ctime>

namespace ergon {

double SteadyClock::now_seconds() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void SteadyClock::sleep_until(double seconds) {
  const double whole = std::floor(seconds);
  timespec t{};
  t.tv_sec = static_cast<time_t>(whole);
  t.tv_nsec = static_cast<long>((seconds - whole) * 1e9);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

}  // namespace ergon
