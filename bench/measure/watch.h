// What the machine did beside the measurement, per window: time stolen by the hypervisor, switches
// forced on our threads, processor time of others, frequency. From /proc and sysfs, read outside
// the timed section; ERGON_PROC and ERGON_SYSFS redirect it.
//
// Limits: /proc/stat counts in ticks of usually 10 ms, each processor rounding by itself, so a
// window of 20 ms cannot tell a neighbour on another processor from none; the sums over a run can.
// A neighbour on our own processors shows at once: our threads wait, which the scheduler counts in
// nanoseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ergon::measure {

struct MachineState {
  double seconds = 0;
  std::optional<double> steal_seconds;    // all processors, since boot
  std::optional<double> busy_seconds;     // all processors, everyone, since boot
  double own_seconds = 0;                 // processor time of this process
  std::int64_t involuntary_switches = 0;  // of this process
  double waited_seconds = 0;              // our threads, ready to run, for a processor
  std::optional<double> frequency_hz;     // mean over readable processors
};

class Watch {
 public:
  Watch(std::string proc, std::string sysfs);
  MachineState now() const;

 private:
  std::string proc_, sysfs_;
};

/// What happened between two states, and what deserves a flag.
struct Disturbance {
  std::optional<double> steal_seconds;
  std::optional<double> others_seconds;  // processor time of other processes
  std::int64_t involuntary_switches = 0;
  std::optional<double> frequency_hz;
  std::vector<std::string> flags;  // "steal", "busy", "switches"
};
Disturbance between(const MachineState& before, const MachineState& after);

}  // namespace ergon::measure
