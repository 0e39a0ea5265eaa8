// Package energy from the kernel's power PMU, through perf_event_open. Preferred where it opens:
// the kernel unwraps the counters, and the step is that of the hardware.
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/meters/clocked.h"
#include "bench/meters/power_pmu.h"
#include "bench/meters/rapl.h"
#include "bench/meters/sysfs.h"

namespace ergon {
namespace {

class Counter {
 public:
  Counter(int descriptor, double joules_per_count)
      : descriptor_(descriptor), joules_per_count_(joules_per_count) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() { close(descriptor_); }
  Maybe<double> joules() const {
    std::uint64_t count = 0;
    const ssize_t got = ::read(descriptor_, &count, sizeof count);
    if (got < 0) return Absent{std::string("reading the perf counter: ") + std::strerror(errno)};
    if (got != sizeof count) return Absent{"the kernel gave up the perf counter"};
    return static_cast<double>(count) * joules_per_count_;
  }

 private:
  int descriptor_;
  double joules_per_count_;
};

MeterInfo describe(const PowerPmu& pmu) {
  std::vector<std::string> names;
  for (const PowerEvent& event : pmu.events) names.push_back(event.name);
  MeterInfo info;
  info.id = "perf";
  info.about = fmt::format("{} of PMU {}, read on processor {}", fmt::join(names, " + "), pmu.name,
                           fmt::join(pmu.cpus, " + "));
  info.scope = pmu.scope;
  info.relative_uncertainty = rapl_uncertainty(pmu.scope);
  return info;
}

}  // namespace

int open_event(const perf_event_attr& attributes, int cpu) {
  constexpr pid_t every_process = -1;
  constexpr int no_group = -1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, every_process, cpu, no_group,
                                  PERF_FLAG_FD_CLOEXEC));
}

Probe open_power_pmu(const PowerPmu& pmu, Clock& clock, const std::string& proc,
                     const OpenEvent& open) {
  std::vector<Summand> counters;
  for (const PowerEvent& event : pmu.events)
    for (const int cpu : pmu.cpus) {
      perf_event_attr attributes{};
      attributes.size = sizeof attributes;
      attributes.type = pmu.type;
      attributes.config = event.config;
      const int descriptor = open(attributes, cpu);
      const int error = errno;  // before reading a file changes it
      if (descriptor < 0)
        return perf_refusal(error, number_of(read_file(proc + "/sys/kernel/perf_event_paranoid")));
      const auto counter = std::make_shared<Counter>(descriptor, event.joules_per_count);
      counters.push_back({fmt::format("{} of processor {}", event.name, cpu),
                          [counter] { return counter->joules(); }});
    }
  return open_sum(describe(pmu), clock, counters);
}

Probes probe_perf(const MeterContext& context) {
  const auto pmu = find_power_pmu(context.sysfs);
  if (!pmu) return one(Unavailable{"perf", pmu.reason(), ""});
  if (context.sysfs != MeterContext{}.sysfs)
    return one(
        Unavailable{"perf",
                    fmt::format("{} describes PMU {}, but counters are opened by number from "
                                "the running kernel, which a redirected tree does not describe",
                                context.sysfs, pmu->name),
                    ""});
  return one(open_power_pmu(*pmu, *context.clock, context.proc));
}

}  // namespace ergon
