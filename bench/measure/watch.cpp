#include "bench/measure/watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernels/devices/cpu.h"

namespace ergon::measure {
namespace {

double clock_seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// First line of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice. Guest
// time is already in user; idle and iowait are not work.
void read_stat(const std::string& proc, MachineState& state) {
  std::ifstream file(proc + "/stat");
  std::string label;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(file >> label >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) ||
      label != "cpu")
    return;
  const auto tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  state.steal_seconds = steal * tick;
  state.busy_seconds = (user + nice + system + irq + softirq) * tick;
}

// Second field of each thread's schedstat: nanoseconds spent waiting on a run queue.
double waited_seconds(const std::string& proc) {
  double nanoseconds = 0;
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator(proc + "/self/task", none)) {
    std::ifstream file(task.path() / "schedstat");
    double ran = 0, waited = 0;
    if (file >> ran >> waited) nanoseconds += waited;
  }
  return nanoseconds * 1e-9;
}

std::optional<double> mean_frequency(const std::string& sysfs) {
  double sum = 0;
  int count = 0;
  for (int cpu = 0; cpu < 4096; ++cpu) {
    std::ifstream file(sysfs + "/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/cpufreq/scaling_cur_freq");
    double kilohertz = 0;
    if (!(file >> kilohertz)) break;
    sum += kilohertz * 1e3;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::optional<double> difference(const std::optional<double>& from,
                                 const std::optional<double>& to) {
  if (!from || !to) return std::nullopt;
  return std::max(0.0, *to - *from);
}

}  // namespace

Watch::Watch(std::string proc, std::string sysfs)
    : proc_(std::move(proc)), sysfs_(std::move(sysfs)) {}

MachineState Watch::now() const {
  MachineState state;
  state.seconds = clock_seconds(CLOCK_MONOTONIC);
  read_stat(proc_, state);
  state.own_seconds = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.involuntary_switches = usage.ru_nivcsw;
  state.waited_seconds = waited_seconds(proc_);
  state.frequency_hz = mean_frequency(sysfs_);
  return state;
}

Disturbance between(const MachineState& before, const MachineState& after) {
  Disturbance result;
  const double window = after.seconds - before.seconds;
  result.steal_seconds = difference(before.steal_seconds, after.steal_seconds);
  result.involuntary_switches = after.involuntary_switches - before.involuntary_switches;
  result.frequency_hz = after.frequency_hz;
  if (const auto busy = difference(before.busy_seconds, after.busy_seconds))
    result.others_seconds = std::max(0.0, *busy - (after.own_seconds - before.own_seconds));

  // Each processor's ticks, and our own share of them, are rounded: less than that is no sign.
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double rounding = (usable_processors() + 0.2) * tick;
  const double notable = std::max(rounding, 0.05 * window);
  const double waited = after.waited_seconds - before.waited_seconds;
  if (result.steal_seconds && *result.steal_seconds >= std::max(tick, 0.02 * window))
    result.flags.emplace_back("steal");
  if ((result.others_seconds && *result.others_seconds > notable) || waited > 0.05 * window)
    result.flags.emplace_back("busy");
  if (static_cast<double>(result.involuntary_switches) > 2 + 100 * window)
    result.flags.emplace_back("switches");
  return result;
}

}  // namespace ergon::measure
