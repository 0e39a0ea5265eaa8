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

struct MeterInfo {
  std::string id;     // "powercap", "perf", "modelled", "declared"
  std::string about;  // one line: which zones or figures it sums, and their source
  Scope scope = Scope::package;
  Provenance provenance = Provenance::counter;
  Quantity quantity = Quantity::cumulative_joules;
  double relative_uncertainty = 0;     // of joules, calibration only: a factor 1 + this either way
  Maybe<double> quantum_joules;        // step of the counter; watts: their step times the period
  Maybe<double> period_seconds;        // between updates; what a reading may trail the truth by
  double read_seconds = 0;             // cost of one read, measured when the meter was opened
  Maybe<double> counter_range_joules;  // where a cumulative counter wraps
};

struct Reading {
  double seconds = 0;  // on the injected clock, halfway between before and after the read
  double value = 0;    // joules or watts, as the meter's quantity says
  /// Why the value does not count (permission lost, sentinel, ...); empty where it does.
  std::string invalid;
};

using Trace = std::vector<Reading>;

struct Window {
  double start_seconds = 0;
  double end_seconds = 0;
};

struct Joules {
  double value = 0;
  /// Half-width from quantum, period and timing; calibration is the meter's relative_uncertainty.
  double error = 0;
};

/// Cumulative: interpolates between the readings that enclose each end and unwraps by the counter's
/// own range. Error, at each end: one quantum, and what flows within one period, half a read and
/// the distance to the nearest reading, at the window's mean power or that between the enclosing
/// readings, whichever is more. It holds where the power at an end is at most twice that: for a
/// window that repeats one computation, with less power around it.
///
/// Watts: trapezoids over the readings. Error: half the difference of neighbours for as long as
/// they lie apart (all of it where the window cuts between them); the whole spread of the readings,
/// from a period before the window to a period after it, for one period and half a read at each
/// end; and one step of the reading throughout. Power that changes between readings and is back at
/// the next one is not seen.
///
/// A reason instead where readings are invalid, out of order or impossible (a sentinel, a power no
/// machine draws), do not enclose the window, go backwards without a range, lie so far apart that
/// the counter may have wraps that are not seen, stand still while they should move, or are too
/// sparse: end gaps of a counter, or any gap between watts, beyond a quarter of the window.
Maybe<Joules> integrate(const MeterInfo& meter, const Trace& trace, Window window);

/// Seconds a window must last so that integrate()'s error stays under `relative_error` of the
/// joules at a steady `watts`, with a reading right before and right after the window. Absent where
/// the meter's quantum or period are unknown (watts: the period), or its step alone exceeds the
/// error.
Maybe<double> shortest_window_seconds(const MeterInfo& meter, double watts, double relative_error);

class Meter {
 public:
  virtual ~Meter() = default;
  virtual const MeterInfo& info() const noexcept = 0;
  /// Never throws for a sensor's fault: that is an invalid reading with a reason.
  virtual Reading read() = 0;
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
  Maybe<PowerModel> model = Absent{"no power figures for this processor"};
  Maybe<Estimate> declared_watts = Absent{"no --watts given"};
  Scope declared_scope = Scope::wall;  // package for a processor's TDP
  std::string declared_about;
};

/// sysfs, proc and dev from ERGON_SYSFS, ERGON_PROC and ERGON_DEV, else the defaults.
MeterContext context_from_environment(Clock& clock);

struct Unavailable {
  std::string meter;
  std::string reason;
  std::string remedy;  // the one command that would open it; empty where none would
};

/// A meter, or why there is none here.
using Probe = std::variant<std::unique_ptr<Meter>, Unavailable>;

/// One meter() line; `rank` orders `auto`: lower is better evidence.
struct MeterEntry {
  const char* id;
  int rank;
  Probe (*probe)(const MeterContext& context);
};
std::span<const MeterEntry> meter_entries() noexcept;

struct Probed {
  std::vector<std::unique_ptr<Meter>> meters;  // best first
  std::vector<Unavailable> unavailable;
};
/// Tries every registered meter.
Probed probe_all(const MeterContext& context);

/// Collects a trace of one meter: a reading at start(), one at stop(), and between them readings
/// from a thread where the meter samples watts (once per period, or 0.1 s where that is unknown,
/// but never so often that reading takes over 1 % of the time) or its counter could wrap (twice
/// before it could). The thread waits in real time; only the stamps are the clock's. One start()
/// per stop(); anything else throws std::logic_error. The meter must not be read by others in
/// between.
class Recorder {
 public:
  Recorder(Meter& meter, Clock& clock);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  void start();
  Trace stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ergon
