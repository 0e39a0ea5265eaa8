#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include "bench/meters/meter.h"
#include "bench/meters/plausible.h"

namespace ergon {
namespace {

/// A counter that stands still at stop() is read on for so many periods, twice what integrate()
/// takes for broken, and so long at most.
constexpr double still_periods = 25;
constexpr double longest_wait_seconds = 5;
constexpr double shortest_wait_seconds = 0.05;
constexpr double least_pause_seconds = 1e-3;
/// A stream's next reading is waited for so long.
constexpr double late_periods = 3;
constexpr double looks_per_period = 8;

}  // namespace

struct Recorder::State {
  State(Meter& read_meter, Clock& stamp_clock) : meter(read_meter), clock(stamp_clock) {}

  /// Reads once per interval until told to stop; a late reading does not shift those that follow.
  void sample(const std::stop_token& stopping, double interval) {
    std::unique_lock lock(mutex);
    double next = clock.now_seconds() + interval;
    while (true) {
      const double wait = std::max(0.0, next - clock.now_seconds());
      if (wakeup.wait_for(lock, stopping, std::chrono::duration<double>(wait),
                          [&] { return stopping.stop_requested(); }))
        return;
      add(meter.read());
      next = std::max(next + interval, clock.now_seconds());
    }
  }

  /// A meter that keeps its last reading gives it again until there is another.
  void add(Reading reading) {
    const bool again = !trace.empty() && trace.back().seconds == reading.seconds &&
                       trace.back().invalid == reading.invalid;
    if (!again) trace.push_back(std::move(reading));
  }

  /// Until a reading is not older than `seconds`.
  void await(double seconds) {
    const double period = meter.info().period_seconds.value_or(0) + meter.info().jitter_seconds;
    const double pause = std::max(period / looks_per_period, least_pause_seconds);
    const double end = clock.now_seconds() + std::max(late_periods * period, shortest_wait_seconds);
    while (trace.back().invalid.empty() && trace.back().seconds < seconds &&
           clock.now_seconds() < end) {
      clock.sleep_until(clock.now_seconds() + pause);
      add(meter.read());
    }
  }

  bool stands_still() const {
    return meter.info().quantity == Quantity::cumulative_joules && trace.size() > 1 &&
           trace.back().invalid.empty() && trace.back().value == trace[trace.size() - 2].value;
  }

  /// Until the counter moves, or is known to be broken.
  void read_on() {
    const double period = meter.info().period_seconds.value_or(0) + meter.info().jitter_seconds;
    const double wait =
        std::clamp(still_periods * period, shortest_wait_seconds, longest_wait_seconds);
    const double pause = std::max(period, least_pause_seconds);
    const double end = clock.now_seconds() + wait;
    const double value = trace.back().value;
    while (clock.now_seconds() < end && trace.back().invalid.empty() &&
           trace.back().value == value) {
      clock.sleep_until(clock.now_seconds() + pause);
      add(meter.read());
    }
  }

  Meter& meter;
  Clock& clock;
  std::mutex mutex;
  std::condition_variable_any wakeup;
  Trace trace;
  bool running = false;
  std::jthread thread;  // last: stops before what it uses goes
};

Recorder::Recorder(Meter& meter, Clock& clock) : state_(std::make_unique<State>(meter, clock)) {}

Recorder::~Recorder() = default;

void Recorder::start() {
  if (state_->running) throw std::logic_error("a recorder was started twice");
  state_->running = true;
  state_->add(state_->meter.read());
  if (const auto interval = reading_interval_seconds(state_->meter.info()))
    state_->thread =
        std::jthread([state = state_.get(), interval = *interval](const std::stop_token& stopping) {
          state->sample(stopping, interval);
        });
}

Trace Recorder::stop() {
  if (!state_->running) throw std::logic_error("a recorder was stopped that was not started");
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  const double stopped = state_->clock.now_seconds();
  state_->add(state_->meter.read());
  state_->await(stopped);
  if (state_->stands_still()) state_->read_on();
  state_->running = false;
  return std::exchange(state_->trace, {});
}

}  // namespace ergon
