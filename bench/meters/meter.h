// Energy as timestamped readings, and one pure function that turns a trace and a window into
// joules.
//
// A meter yields cumulative joules or momentary watts on an injected clock. Lagging, sampled,
// wrapping and later-attached meters are all the same thing here: a trace. Nothing in this file
// starts a thread, parses a config, or changes a limit, clock or governor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/base/clock.h"
#include "bench/base/interval.h"
#include "bench/base/maybe.h"

namespace ergon {

/// What the joules include. Scopes are never added where one contains the other.
enum class Scope { core, package, package_dram, board, node, wall };
/// How the joules are known. `modelled` and `declared` are time in disguise: marked, never ranked.
enum class Provenance { counter, sampled, modelled, declared };
std::string_view name(Scope scope) noexcept;            // "package+dram"
std::string_view name(Provenance provenance) noexcept;  // "counter"
std::optional<Scope> scope_from_name(std::string_view text) noexcept;
std::optional<Provenance> provenance_from_name(std::string_view text) noexcept;
/// True for counter and sampled.
bool is_evidence(Provenance provenance) noexcept;

enum class Quantity { cumulative_joules, watts };
/// Whose joules: an accelerator's alone say nothing about what a processor ran.
enum class Part { processor, accelerator, machine };
std::string_view name(Part part) noexcept;  // "processor"
std::optional<Part> part_from_name(std::string_view text) noexcept;

struct MeterInfo {
  /// "perf", "powercap"; where an entry opens several: "nvml:0", "hwmon:amdgpu",
  /// "command:ipmitool".
  std::string id;
  std::string about;  // one line: which zones or figures it sums, and their source
  Part part = Part::processor;
  Scope scope = Scope::package;
  Provenance provenance = Provenance::counter;
  Quantity quantity = Quantity::cumulative_joules;
  double relative_uncertainty = 0;  // of joules, calibration only: a factor 1 + this either way
  Maybe<double> quantum_joules;     // step of a counter
  Maybe<double> quantum_watts;      // step of a sampled power
  Maybe<double> period_seconds;     // between updates; what a reading may trail the truth by
  double jitter_seconds = 0;        // by which updates come early or late
  double averaging_seconds = 0;     // a reading of watts is their mean over so long
  double lag_seconds = 0;           // a reading tells of this much earlier
  double clock_error_seconds = 0;   // by which all stamps may be off together
  double read_seconds = 0;          // of processor time that one read takes
  /// Of a counter: its readings are stamped when it moved, give or take their slack, as those of a
  /// log are. Else they come when they come, and it moved at some time before.
  bool readings_are_steps = false;
  Maybe<double> counter_range_joules;  // where a cumulative counter wraps
};

struct Reading {
  double seconds = 0;  // on the injected clock, halfway between before and after the read
  double value = 0;    // joules or watts, as the meter's quantity says
  /// Why the value does not count (permission lost, sentinel, ...); empty where it does.
  std::string invalid;
  double slack_seconds = 0;  // the value is of `seconds` give or take this: half the read
};

using Trace = std::vector<Reading>;

struct Window {
  double start_seconds = 0;
  double end_seconds = 0;
  /// For how long before the start the same computation ran: what a sensor that trails the truth
  /// shows at the start is then the power of the window.
  double lead_seconds = 0;
  /// The load ends with the window: watts that do not change after it are no measurement.
  bool ends_load = false;
};

struct Joules {
  double value = 0;
  /// Half-width of the 95 % interval from quantum, period, reads and what was not seen. Calibration
  /// is the meter's relative_uncertainty.
  double error = 0;
};

/// The window repeats one computation, so its power is steady but for noise and drift. Errors are
/// standard uncertainties of what is not known (where in a quantum, when within a period or a
/// read), added in squares, times 1.96 (JCGM 100:2008, 5.1.2 and 4.3.7).
///
/// Cumulative: the difference between the readings at the ends, unwrapped by the counter's own
/// range. Unknown at each end: a quantum, what flows within a period and a read, and between the
/// nearest reading and the end. Where the readings are dense enough to show when the counter
/// steps, the energy between the first and the last step instead: then only the time between two
/// readings is unknown. (integrate_counter.cpp)
///
/// Watts: the mean of the readings that tell of the window alone, times its length. Unknown: their
/// scatter about a line over the root of their number, by Student's t, the step of the reading
/// where the scatter does not dither it, and drift over the time that a reading trails. Power that
/// changes between readings and is back at the next one is not seen. (integrate_watts.cpp)
///
/// A reason instead where readings are invalid, out of order or impossible (a sentinel, a power no
/// machine draws), do not enclose the window, go backwards without a range, lie so far apart that
/// the counter may have wraps that are not seen, stand still while they should move, repeat
/// themselves though the load has ended, rise as those of a sensor that trails by more than it
/// says, or are too sparse.
Maybe<Joules> integrate(const MeterInfo& meter, const Trace& trace, Window window);

/// Seconds the same computation must run before a window so that the meter tells of it alone.
double lead_seconds(const MeterInfo& meter) noexcept;

/// Seconds between readings of a Recorder; nothing where the ends of a window are enough: watts
/// once a period; a counter often enough to see it step, to see it stop, and before it could wrap
/// twice; but never so often that reading takes over 1 % of the time.
std::optional<double> reading_interval_seconds(const MeterInfo& meter) noexcept;

/// Seconds a window must last so that integrate()'s error stays under `relative_error` of the
/// joules at a steady `watts`, read as a Recorder does. Absent where the meter's quantum or period
/// are unknown (watts: the period), or the step of watts alone exceeds the error. The scatter of
/// sampled watts is not known beforehand: windows of enough readings are asked for.
Maybe<double> shortest_window_seconds(const MeterInfo& meter, double watts, double relative_error);

class Meter {
 public:
  virtual ~Meter() = default;
  virtual const MeterInfo& info() const noexcept = 0;
  /// Never throws for a sensor's fault: that is an invalid reading with a reason.
  virtual Reading read() = 0;
  /// The counters that it sums, each as a meter of its own: they step in turn, so that the sum does
  /// not show when one of them does. None where it is one.
  virtual std::vector<Meter*> parts() { return {}; }
};

/// Figures for meters that model: whole-machine watts at idle and under full load for the
/// processors this process may use, the range over the parts that fit, and where they are from.
struct PowerModel {
  Estimate idle_watts;
  Estimate full_watts;
  int cores = 0;  // physical
  Scope scope = Scope::wall;
  std::string about;
};

/// Where sensors are looked for and what may be assumed; all injected.
struct MeterContext {
  Clock* clock = nullptr;
  std::string sysfs = "/sys";
  std::string proc = "/proc";
  std::string dev = "/dev";
  std::string nvml = "libnvidia-ml.so.1";  // a library to open
  Maybe<PowerModel> model = Absent{"no power figures for this processor"};
  Maybe<Estimate> declared_watts = Absent{"no --watts given"};
  Scope declared_scope = Scope::wall;  // package for a processor's TDP
  std::string declared_about;
  std::vector<std::string> commands;  // what --meter command: is followed by (command_spec.h)
  std::optional<std::string> log;     // what --meter log is followed by (log_to_come.h)
};

/// sysfs, proc, dev and nvml from ERGON_SYSFS, ERGON_PROC, ERGON_DEV and ERGON_NVML, else the
/// defaults.
MeterContext context_from_environment(Clock& clock);

struct Unavailable {
  std::string meter;
  std::string reason;
  std::string remedy;  // the one command that would open it; empty where none would
};

/// A meter, or why there is none here.
using Probe = std::variant<std::unique_ptr<Meter>, Unavailable>;
/// One or more: a machine may have several accelerators.
using Probes = std::vector<Probe>;
Probes one(Probe probe);

/// One meter() line; `rank` orders `auto`: lower is better evidence.
struct MeterEntry {
  const char* id;
  int rank;
  Probes (*probe)(const MeterContext& context);
};
std::span<const MeterEntry> meter_entries() noexcept;

struct Probed {
  std::vector<std::unique_ptr<Meter>> meters;  // best first
  std::vector<Unavailable> unavailable;
};
/// Tries every registered meter.
Probed probe_all(const MeterContext& context);

/// A reading that repeats the one before it is no news: the meter is read on after a window that
/// ends its load, until it moves or has stood still for so long that it must be broken.
void read_on(Meter& meter, Clock& clock, Trace& trace);

/// Collects a trace of one meter: a reading at start(), one at stop(), and between them readings
/// from a thread, every reading_interval_seconds() or `interval_seconds`. Readings with one and the
/// same stamp are one reading; where the last one is of before stop(), as a stream's may be, a
/// later one is waited for, three periods at most. The thread waits in real time; only the stamps
/// are the clock's. One start() per stop(); anything else throws std::logic_error. The meter must
/// not be read by others in between.
class Recorder {
 public:
  Recorder(Meter& meter, Clock& clock, std::optional<double> interval_seconds = std::nullopt);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  void start();
  /// Reads at an end of a window: a counter that is read in less than a millisecond, unless the
  /// thread is reading just then, which is not waited for.
  void mark();
  /// `confirm`: the load has ended, and read_on() tells whether the meter still works.
  Trace stop(bool confirm = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ergon
