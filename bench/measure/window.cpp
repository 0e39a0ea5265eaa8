#include "bench/measure/window.h"

#include <algorithm>

#include "bench/stats/stats.h"

namespace ergon::measure {

Timed::Timed(Plan& plan, Device& device, std::size_t slots, Clock& clock)
    : plan_(plan),
      device_(device),
      stream_(device.make_stream()),
      clock_(clock),
      slots_(std::max<std::size_t>(1, slots)) {
  const auto stages = plan.stages();
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (stages[i].per_call) per_call_.push_back(i);
}

void Timed::prepare() {
  plan_.activate();
  const auto stages = plan_.stages();
  for (std::size_t slot = 0; slot < slots_; ++slot) {
    plan_.reset(slot);
    for (std::size_t i = 0; i < stages.size(); ++i)
      if (!stages[i].per_call) plan_.enqueue(i, *stream_, slot);
  }
  stream_->finish();
}

void Timed::enqueue_call(std::size_t slot) {
  for (const std::size_t stage : per_call_) plan_.enqueue(stage, *stream_, slot);
}

Timed::Sample Timed::window(std::int64_t calls) {
  plan_.activate();
  const auto touched = std::min<std::size_t>(slots_, static_cast<std::size_t>(calls));
  for (std::size_t i = 0; i < touched; ++i) plan_.reset((slot_ + i) % slots_);
  stream_->finish();

  const auto first = stream_->mark();
  const double start = clock_.now_seconds();
  for (std::int64_t i = 0; i < calls; ++i) {
    enqueue_call(slot_);
    slot_ = slot_ + 1 == slots_ ? 0 : slot_ + 1;
  }
  const auto last = stream_->mark();
  stream_->finish();
  const double end = clock_.now_seconds();

  const auto on_device = stream_->seconds_between(*first, *last);
  return {start, on_device.value_or(end - start), calls};
}

void Timed::call_once(std::size_t slot) {
  enqueue_call(slot);
  stream_->finish();
}

double Timed::stage_seconds(std::size_t stage, int repeats) {
  plan_.activate();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    stream_->finish();
    const double start = clock_.now_seconds();
    plan_.enqueue(stage, *stream_, slot_);
    stream_->finish();
    seconds.push_back(clock_.now_seconds() - start);
    slot_ = slot_ + 1 == slots_ ? 0 : slot_ + 1;
  }
  return stats::median(seconds);
}

}  // namespace ergon::measure
