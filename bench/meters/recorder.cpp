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

constexpr double unknown_period_seconds = 0.1;
/// Reading takes at most this share of the time.
constexpr double reading_share = 0.01;
constexpr double least_interval_seconds = 1e-3;
constexpr double readings_per_wrap = 2;

/// Seconds between readings; nothing where the ends of the window are enough.
std::optional<double> interval_of(const MeterInfo& meter) {
  if (meter.quantity == Quantity::watts)
    return std::max({meter.period_seconds.value_or(unknown_period_seconds),
                     meter.read_seconds / reading_share, least_interval_seconds});
  if (meter.counter_range_joules)
    return *meter.counter_range_joules / most_watts(meter.scope) / readings_per_wrap;
  return std::nullopt;
}

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
      trace.push_back(meter.read());
      next = std::max(next + interval, clock.now_seconds());
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
  state_->trace.push_back(state_->meter.read());
  if (const auto interval = interval_of(state_->meter.info()))
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
  state_->trace.push_back(state_->meter.read());
  state_->running = false;
  return std::exchange(state_->trace, {});
}

}  // namespace ergon
