#include "bench/meters/simulator/logged_run.h"

#include <algorithm>
#include <stdexcept>
#include <variant>

#include <fmt/format.h>

#include "bench/meters/beacon_lengths.h"
#include "bench/meters/meter.h"

namespace ergon::simulator {
namespace {

constexpr double wanted_error = 0.02;
constexpr int windows_per_row = 3;

class Runner {
 public:
  Runner(Machine& machine, double period_seconds, Draw& draw)
      : machine_(machine), draw_(draw), unit_seconds_(std::max(0.25, period_seconds)) {
    MeterContext context;
    context.clock = &machine.clock();
    context.log = fmt::format("period={}", period_seconds);
    for (const MeterEntry& entry : meter_entries())
      if (std::string_view(entry.id) == "log") {
        const Probes probes = entry.probe(context);
        info_ = std::get<std::unique_ptr<Meter>>(probes.front())->info();
      }
    seed_ = draw.random();
  }

  void row() {
    if (run_.known.empty()) {
      mark(false);
      mark(true);
    }
    mark(false);
    // The load's energy is not known beforehand, nor is that of the row that a log is for.
    const double seconds = *shortest_window_seconds(info_, idle_watts, wanted_error);
    for (int i = 0; i < windows_per_row; ++i) {
      keep(lead_seconds(info_), true);
      keep((i % 2 + 1) * seconds, true);
      run_.windows.push_back(run_.known.back());
    }
    mark(false);
    mark(true);
    mark(false);
  }

  /// Timing of other rows, loads and pauses of which the record keeps nothing.
  void unknown_time() {
    const double end = now() + unit_seconds_ * draw_.between(5, 20);
    while (now() < end) {
      machine_.load(draw_.between(0, 1) < 0.7);
      wait(unit_seconds_ * draw_.between(0.2, 3));
    }
  }

  void idle(double seconds) {
    machine_.load(false);
    wait(seconds);
  }

  LoggedRun& run() { return run_; }
  double now() const { return machine_.clock().now_seconds(); }

 private:
  static constexpr double idle_watts = 10;

  void wait(double seconds) { machine_.clock().sleep_until(now() + seconds); }
  void mark(bool busy) {
    keep(beacon_seconds(seed_, static_cast<int>(run_.known.size()), unit_seconds_), busy);
  }
  void keep(double seconds, bool busy) {
    machine_.load(busy);
    const double start = now();
    wait(seconds);
    run_.known.push_back({start, now(), busy});
  }

  Machine& machine_;
  Draw& draw_;
  double unit_seconds_;
  MeterInfo info_;
  std::uint64_t seed_ = 0;
  LoggedRun run_;
};

}  // namespace

LoggedRun run_logged(Machine& machine, double period_seconds, int rows, double margin_seconds,
                     Draw& draw) {
  Runner runner(machine, period_seconds, draw);
  runner.idle(margin_seconds);
  runner.run().start_seconds = runner.now();
  for (int row = 0; row < rows; ++row) {
    runner.unknown_time();
    runner.row();
  }
  runner.unknown_time();
  runner.run().end_seconds = runner.now();
  runner.idle(margin_seconds);
  return std::move(runner.run());
}

}  // namespace ergon::simulator
