// The result document `ergon-result/1` as plain structures. Field names, units and meaning are
// those of the JSON; docs/results.md lists them. Raw facts only: what can be recomputed is not
// stored, except `median` and `interval95` beside their samples, which `verify` recomputes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"

namespace ergon::record {

inline constexpr std::string_view schema_name = "ergon-result/1";

using Value = std::variant<std::int64_t, double, bool, std::string>;
/// A workload's fields in their order.
using Fields = std::vector<std::pair<std::string, Value>>;

struct Build {
  std::string version, commit, build_type, compiler, flags;
};

struct Suite {
  std::string name, text, sha256;
};

struct Library {
  std::string name, version, path, kernel;
};

/// The second of two builds that were measured in shared rounds: what Run and Host say of the
/// first.
struct OtherBuild {
  std::string label;  // of its rows: their implementation's name ends in "@label"
  std::vector<std::string> command;
  Build ergon;
  std::vector<Library> libraries;
};

/// When start_seconds of a launch's samples were 0, by the wall clock.
struct LaunchStart {
  int launch = 0;
  std::string utc;  // "2026-01-31T12:00:00.123Z"
  friend bool operator==(const LaunchStart&, const LaunchStart&) = default;
};

/// A time in which the machine was left idle, or kept busy with calls that are no sample, so that a
/// power log can be aligned with the run.
struct Beacon {
  int launch = 0;
  double start_seconds = 0, seconds = 0;
  bool busy = false;
  friend bool operator==(const Beacon&, const Beacon&) = default;
};

struct Run {
  std::string id;
  std::string started_utc;          // "2026-01-31T12:00:00Z"
  Maybe<std::string> finished_utc;  // absent while it runs and after a kill
  bool complete = false;
  std::vector<std::string> command;
  Suite suite;
  std::uint64_t seed = 0;
  Build ergon;
  int launches = 1;
  /// stats::interval_method of the build that made the intervals; empty in older records.
  std::string interval_method;
  /// record::ceiling_rule of the build that judged the rows; empty in older records.
  std::string ceiling_rule;
  std::optional<OtherBuild> other_build;
  std::vector<LaunchStart> launch_starts;  // older records have none
  std::vector<Beacon> beacons;             // of runs with a log to come
};

struct Cache {
  int level = 0;
  std::int64_t bytes = 0;        // of one instance
  int shared_by = 1;             // logical processors of one instance
  std::optional<int> instances;  // that the usable processors reach; older records do not say
};

struct Cpu {
  std::string model, vendor;
  std::string family;  // "6/167/1": family/model/stepping
  int cores_used = 0, cores = 0, threads = 0, sockets = 0, numa_nodes = 0;
  std::vector<std::string> isa;
  std::vector<Cache> caches;
};

struct Host {
  Cpu cpu;
  std::int64_t memory_bytes = 0;
  std::string os, kernel;
  Maybe<std::string> virtualised;  // "kvm", "none"
  Maybe<std::string> container;    // "docker", "none"
  Maybe<std::string> governor;
  Maybe<bool> smt;
  Maybe<std::string> microcode;
  struct {
    std::string policy;
    std::vector<int> cores;
  } binding;
  struct {
    std::string thp;
    std::string policy;  // of our own allocations: "system", "small", "huge"
    std::int64_t alignment = 0;
  } pages;
  std::map<std::string, std::string> variables;
  std::vector<Library> libraries;
};

struct Ceiling {
  std::string
      what;  // "flops", "bandwidth_read", "bandwidth_copy", "bandwidth_triad", "bandwidth_update"
  std::string dtype;  // of flops; empty for bandwidths
  int threads = 1;
  Maybe<double> value_per_second;  // absent where no loop exists for a detected unit
  Maybe<Interval> interval95;
  std::string method;
};

struct Device {
  std::string id, kind, name, driver;
  std::int64_t memory_bytes = 0;
  std::vector<Ceiling> ceilings;
};

struct UnavailableMeter {
  std::string meter, reason, remedy;
};

struct Meter {
  std::string id, scope, provenance, about;
  std::string part;  // whose joules: "processor", "accelerator", "machine"; older records: empty
  double relative_uncertainty = 0;
  Maybe<double> quantum_joules, period_seconds, shortest_window_seconds;
  double read_seconds = 0;
  std::optional<double> quantum_watts;  // of a sampled power
  /// Left out where nothing is known of them: none is then assumed.
  std::optional<double> jitter_seconds, averaging_seconds, lag_seconds;
  std::optional<Maybe<std::string>> characterised;  // when, in UTC; older records do not say
  struct Idle {
    double value = 0;
    Interval interval95;
  };
  Maybe<Idle> idle_watts;
  bool primary = false;
};

struct Price {
  std::string id;
  std::string basis;  // "rent", "own" or "energy"
  Maybe<double> usd_per_hour, usd_per_kwh;
  std::optional<Interval> usd_per_hour_range;  // over other prices that fit as well
  std::string source, as_of, region, kind, confidence;
  double share = 1;   // of the instance charged to a row
  std::string about;  // what the match rests on
};

struct TimeSample {
  double start_seconds = 0;  // since this launch began
  int round = 0;             // numbered from 0 without gaps over the whole run
  int position = 0;          // among the windows of its round, from 0
  int launch = 0;            // one process each, from 0; a resumed run is a further launch
  std::int64_t calls = 0;
  double seconds = 0;              // of all calls together
  std::vector<std::string> flags;  // "steal", "switches", "busy", "throttled"
  Maybe<double> steal_seconds;
  Maybe<std::int64_t> involuntary_switches;
  Maybe<double> busy_seconds;  // processor time of others on this machine during the window
  Maybe<double> frequency_hz;
};

struct PowerPoint {
  double seconds = 0;  // since the window began; before it below 0
  double watts = 0;
};

struct EnergySample {
  double start_seconds = 0, seconds = 0;
  std::int64_t calls = 0;
  int launch = 0;
  Maybe<double> joules;  // gross
  double error_joules = 0;
  Maybe<double> idle_watts;
  std::vector<std::string> flags;
  std::optional<std::vector<PowerPoint>> trace;  // where asked for
};

struct Energy {
  std::string meter;
  std::vector<EnergySample> samples;
};

struct Stage {
  std::string name;
  bool per_call = true;
  double flops = 0, bytes = 0;
  Maybe<double> seconds_median;
};

struct Accuracy {
  std::string reference;
  double max_abs = 0, rel_l2 = 0, tolerance = 0;
  std::int64_t checked_elements = 0;
  std::optional<double> quantization_rel_l2;  // from the result of unquantized operands
  bool verified_after = false;
};

struct Implementation {
  std::string backend, name, variant, detail;
};

struct Row {
  std::string case_name;  // "case": "gemm/m=1024,n=1024,k=1024"
  std::string kernel;
  Fields workload;
  Implementation implementation;
  struct {
    std::string inputs, weights, accumulate, output;
    std::string products = {};  // what is multiplied; empty where that is of the weights' type
  } dtype;
  std::string device;
  int threads = 1;
  std::string cache;  // "cold" or "warm"
  struct Cold {
    std::int64_t bytes_between_uses = 0;
    Maybe<std::int64_t> last_level_bytes;
    /// That bounds the row's bytes; absent where none is of their kind. Older records do not say.
    std::optional<Maybe<std::string>> ceiling = {};
  };
  std::optional<Cold> cold;
  int block = 0;       // rows of one block shared inputs and rounds; -1: in the rounds of many
  std::string status;  // "ok", "noisy", "skipped", "wrong", "impossible", "failed"
  std::string reason;  // empty only for "ok"
  struct {
    double flops = 0, bytes = 0;
    std::optional<double> tokens;
    std::optional<double> bits_per_weight;     // as stored, scales included; of quantized weights
    std::optional<double> kv_bytes_per_token;  // that a cache of keys and values grows by
    std::optional<double> full_square_flops;   // with every query meeting every key; of attention
    std::string note;
  } work;
  Maybe<Accuracy> accuracy = Absent{"not verified"};
  struct {
    std::string distribution;
    std::uint64_t seed = 0;
    double entropy_bits_per_element = 0;
  } inputs;
  std::vector<TimeSample> samples;              // time.samples
  Maybe<double> median = Absent{"no samples"};  // seconds per call
  Maybe<Interval> interval95 = Absent{"no samples"};
  std::string interval_kind;  // "rounds", "launches" (six or more) or "hull" (of two to five)
  Maybe<Energy> energy = Absent{"not measured"};
  std::vector<Energy> extra_meters;
  std::vector<Stage> stages;
  struct Imported {
    std::string tool, version;
  };
  std::optional<Imported> imported_from;
};

/// What tells two rows of one document apart:
/// "gemm/m=8,n=64,k=64/f32/onednn:onednn/cpu/threads:2/cold". The block is not part of it: a
/// ceiling takes part in many, and two runs may number them otherwise.
std::string key(const Row& row);

struct Document {
  Run run;
  Host host;
  std::vector<Device> devices;
  std::vector<Meter> meters;
  std::vector<UnavailableMeter> unavailable_meters;  // `unavailable` in one entry of meters
  std::vector<Price> prices;
  std::vector<Row> rows;
};

}  // namespace ergon::record
