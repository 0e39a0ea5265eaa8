// The one place that times a plan.
//
// A window is `calls` back-to-back calls (every per-call stage of the plan) between two readings of
// the clock, the stream drained before the second. A device with a clock of its own is timed by its
// marks. Slots rotate across windows, so a cold plan stays cold however short its windows are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/base/clock.h"
#include "kernels/kernel.h"

namespace ergon::measure {

class Timed {
 public:
  Timed(Plan& plan, Device& device, std::size_t slots, Clock& clock);

  /// Runs the once-stages on every slot; seconds of each stage's run on slot 0 are kept.
  void prepare();
  struct Sample {
    double start_seconds = 0;
    double seconds = 0;
    std::int64_t calls = 0;
  };
  Sample window(std::int64_t calls);
  /// Runs one call on `slot`, untimed and without a reset.
  void call_once(std::size_t slot);
  /// Median seconds of one stage alone over `repeats` runs on rotating slots.
  double stage_seconds(std::size_t stage, int repeats);
  std::size_t next_slot() const noexcept { return slot_; }
  Plan& plan() noexcept { return plan_; }
  Device& device() noexcept { return device_; }

 private:
  void enqueue_call(std::size_t slot);
  Plan& plan_;
  Device& device_;
  std::unique_ptr<Stream> stream_;
  Clock& clock_;
  std::size_t slots_;
  std::size_t slot_ = 0;
  std::vector<std::size_t> per_call_;
};

}  // namespace ergon::measure
