// What every part of one launch shares: clocks, the machine watch, the meter, the sink that keeps
// each sample the moment it exists, and the counters that number rounds over the whole run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/base/clock.h"
#include "bench/measure/watch.h"
#include "bench/meters/meter.h"
#include "bench/record/document.h"

namespace ergon::measure {

/// Receives facts as they arise. The run's sink appends them to the journal.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void row_started(const record::Row& row) = 0;
  virtual void time_sample(const std::string& key, const record::TimeSample& sample) = 0;
  virtual void energy_sample(const std::string& key, const std::string& meter,
                             const record::EnergySample& sample) = 0;
  virtual void beacon(const record::Beacon& beacon) = 0;
  /// The row with everything but its samples: they were given before.
  virtual void row_finished(const record::Row& row) = 0;
};

class Follower;

struct Effort {
  double window_seconds = 0.02;  // length aimed at; one call where a call is longer
  int least_rounds = 6;          // fewer give no 95 % interval of the median
  double interval = 0.01;        // stop when every interval is within this of its median
  /// Above 0, two sides are compared, and it is their ratios that must be known to within this.
  double ratio_interval = 0;
  /// Then every side also gets new buffers after so many rounds: where they happen to lie favours
  /// one side by up to 1 %, and is a draw like the others.
  int rounds_per_placement = 8;
  double energy_error = 0.02;   // wanted relative error of an energy window
  int energy_windows = 6;       // fewer give no 95 % interval of the median
  int long_energy_windows = 3;  // where one takes longer than a second: Student's then
  bool power_traces = false;    // kept with every energy window
};

struct ActiveMeter {
  Meter* meter = nullptr;
  Maybe<double> idle_watts = Absent{"not measured"};
};

/// Of a run whose power log is attached afterwards (beacons.cpp).
struct Beacons {
  double unit_seconds = 1;  // the log's period, or what power takes to settle
  std::uint64_t seed = 0;   // of their lengths; another in each launch
  int count = 0;            // so far
  double last_end_seconds = 0;
};

struct Session {
  Session(Clock& its_clock, const Watch& its_watch, Sink& its_sink)
      : clock(its_clock), watch(its_watch), sink(its_sink) {}

  Clock& clock;
  const Watch& watch;
  Sink& sink;
  std::vector<ActiveMeter> meters;  // the primary one first; empty: none works
  std::string no_meter;             // why, where there is none
  std::optional<Beacons> beacons;
  Effort effort;
  std::uint64_t seed = 1;
  int launch = 0;
  double started_seconds = 0;  // on the clock; samples count from here
  int next_round = 0;
  int blocks_left = 1;                             // with the one that is being measured
  std::mt19937_64 order{1};                        // shuffles positions
  Follower* follower = nullptr;                    // where another process gives out the windows
  std::function<void(std::string_view)> progress;  // one short line; may be empty
};

}  // namespace ergon::measure
