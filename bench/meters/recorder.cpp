#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include "bench/meters/integrate_parts.h"
#include "bench/meters/meter.h"

namespace ergon {
namespace {

constexpr double quick_read_seconds = 1e-3;
constexpr double longest_wait_seconds = 20;
constexpr double least_pause_seconds = 1e-3;
/// Past what tells a broken sensor, which is told by more than that.
constexpr double margin = 1.25;
/// A stream's next reading is waited for so long.
constexpr double late_periods = 3;
constexpr double shortest_late_seconds = 0.05;
constexpr double looks_per_period = 8;

}  // namespace

void read_on(Meter& meter, Clock& clock, Trace& trace) {
  const MeterInfo& info = meter.info();
  if (trace.size() < 2 || trace.back().value != trace[trace.size() - 2].value) return;
  const double seconds = trace.back().seconds - trace.front().seconds;
  const double watts = seconds > 0 ? (trace.back().value - trace.front().value) / seconds : 0;
  const double wait = info.quantity == Quantity::watts
                          ? integration::longest_still_seconds(info)
                          : integration::seconds_to_tell_broken(info, watts);
  const double pause = std::max(info.period_seconds.value_or(0) / 2, least_pause_seconds);
  const double end = clock.now_seconds() + std::min(margin * wait + pause, longest_wait_seconds);
  const double value = trace.back().value;
  while (clock.now_seconds() < end && trace.back().invalid.empty() && trace.back().value == value) {
    clock.sleep_until(clock.now_seconds() + pause);
    Reading next = meter.read();
    if (next.seconds != trace.back().seconds) trace.push_back(std::move(next));
  }
}

struct Recorder::State {
  State(Meter& read_meter, Clock& stamp_clock, std::optional<double> seconds)
      : meter(read_meter), clock(stamp_clock), interval_seconds(seconds) {}

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
    const double end = clock.now_seconds() + std::max(late_periods * period, shortest_late_seconds);
    while (trace.back().invalid.empty() && trace.back().seconds < seconds &&
           clock.now_seconds() < end) {
      clock.sleep_until(clock.now_seconds() + pause);
      add(meter.read());
    }
  }

  Meter& meter;
  Clock& clock;
  std::optional<double> interval_seconds;
  std::mutex mutex;
  std::condition_variable_any wakeup;
  Trace trace;
  bool running = false;
  std::jthread thread;  // last: stops before what it uses goes
};

Recorder::Recorder(Meter& meter, Clock& clock, std::optional<double> interval_seconds)
    : state_(std::make_unique<State>(
          meter, clock,
          interval_seconds ? interval_seconds : reading_interval_seconds(meter.info()))) {}

Recorder::~Recorder() = default;

void Recorder::start() {
  if (state_->running) throw std::logic_error("a recorder was started twice");
  state_->running = true;
  state_->add(state_->meter.read());
  if (const auto interval = state_->interval_seconds)
    state_->thread =
        std::jthread([state = state_.get(), interval = *interval](const std::stop_token& stopping) {
          state->sample(stopping, interval);
        });
}

void Recorder::mark() {
  // Waiting for a slow read to end would leave the machine idle at the window's edge.
  const std::unique_lock lock(state_->mutex, std::try_to_lock);
  if (!lock) return;
  const bool quick = 2 * state_->trace.back().slack_seconds < quick_read_seconds;
  if (quick && state_->meter.info().quantity == Quantity::cumulative_joules)
    state_->add(state_->meter.read());
}

Trace Recorder::stop(bool confirm) {
  if (!state_->running) throw std::logic_error("a recorder was stopped that was not started");
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  const double stopped = state_->clock.now_seconds();
  state_->add(state_->meter.read());
  state_->await(stopped);
  if (confirm) read_on(state_->meter, state_->clock, state_->trace);
  state_->running = false;
  return std::exchange(state_->trace, {});
}

}  // namespace ergon
