// What sysfs says about the kernel's energy PMUs, before any counter is opened.
//
// Source: Documentation/ABI/testing/sysfs-bus-event_source-devices-events of the Linux kernel and
// arch/x86/events/rapl.c: counting only, one processor of `cpumask` per package, 64-bit counts that
// the kernel unwraps.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/meters/meter.h"

struct perf_event_attr;

namespace ergon {

struct PowerEvent {
  std::string name;  // "energy-pkg"
  std::uint64_t config = 0;
  double joules_per_count = 0;
};

/// Events that add up without containing one another, each counted on every processor of `cpus`.
struct PowerPmu {
  std::string name;  // "power"
  std::uint32_t type = 0;
  std::vector<int> cpus;
  std::vector<PowerEvent> events;
  Scope scope = Scope::package;
};

/// The widest usable sum: energy-pkg with energy-ram, energy-pkg, else the cores alone. `psys` and
/// `gpu` are left out: one contains the package, the other lies inside it.
Maybe<PowerPmu> find_power_pmu(const std::string& sysfs);

/// Why perf_event_open failed with `error` where /proc says `paranoid`, and what would open it.
Unavailable perf_refusal(int error, const Maybe<double>& paranoid);

/// A descriptor whose read(2) yields the 8 bytes of a count, or -1 with errno. The meter closes it.
using OpenEvent = std::function<int(const perf_event_attr& attributes, int cpu)>;
/// perf_event_open, for every process on that processor.
int open_event(const perf_event_attr& attributes, int cpu);

/// Opens one counter per event and processor; proc is where perf_event_paranoid is read.
Probe open_power_pmu(const PowerPmu& pmu, Clock& clock, const std::string& proc,
                     const OpenEvent& open = open_event);

}  // namespace ergon
