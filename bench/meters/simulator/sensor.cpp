#include "bench/meters/simulator/sensor.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ergon::simulator {
namespace {

constexpr double slow_read_seconds = 50e-3;
constexpr double sentinel_watts = 4294967.295;
constexpr double jump_joules = 1e6;

struct FaultWords {
  Fault fault;
  std::string_view name;
  std::vector<std::string> of_counter, of_watts;
};

const std::vector<FaultWords>& table() {
  static const std::vector<FaultWords> words = {
      {Fault::none, "none", {}, {}},
      {Fault::wraps_inside, "wraps inside the window", {}, {}},
      {Fault::wraps_at_the_edge, "wraps at its edge", {}, {}},
      {Fault::odd_range, "an odd wrap range", {}, {}},
      {Fault::slow_reads, "reads delayed by 50 ms", {"too sparse"}, {"too sparse"}},
      {Fault::lost_samples, "lost samples", {}, {"too sparse"}},
      {Fault::freezes, "freezes", {"stands still"}, {"repeats"}},
      {Fault::jumps_back, "jumps back", {"backwards", "jumps"}, {}},
      {Fault::jumps_ahead, "jumps ahead", {"jumps"}, {}},
      {Fault::sentinel, "a sentinel", {"jumps", "backwards"}, {"sentinel"}},
      {Fault::permission_lost, "permission taken away", {"permission"}, {"permission"}},
      {Fault::vanishes, "the device vanishes", {"No such device"}, {"No such device"}},
  };
  return words;
}

}  // namespace

std::string_view name(Fault fault) noexcept {
  for (const FaultWords& words : table())
    if (words.fault == fault) return words.name;
  return {};
}

std::vector<Fault> faults() {
  std::vector<Fault> out;
  for (const FaultWords& words : table()) out.push_back(words.fault);
  return out;
}

std::vector<std::string> expected_reason(Fault fault, Quantity quantity) {
  for (const FaultWords& words : table())
    if (words.fault == fault)
      return quantity == Quantity::watts ? words.of_watts : words.of_counter;
  return {};
}

bool applies(Fault fault, const SensorTraits& traits) noexcept {
  switch (fault) {
    case Fault::wraps_inside:
    case Fault::wraps_at_the_edge:
    case Fault::odd_range:
      return traits.range_joules > 0;
    case Fault::jumps_back:
    case Fault::jumps_ahead:
      return traits.quantity == Quantity::cumulative_joules;
    default:
      return true;
  }
}

Sensor::Sensor(SensorTraits traits, Machine& machine, std::uint64_t seed)
    : traits_(std::move(traits)), machine_(machine), random_(seed) {
  phase_seconds_ = uniform() * traits_.period_seconds;
  next_update_ = phase_seconds_;
  info_.id = traits_.name;
  info_.about = "simulated";
  info_.scope = traits_.scope;
  info_.provenance = traits_.provenance;
  info_.quantity = traits_.quantity;
  info_.read_seconds = traits_.read_seconds;
  if (traits_.range_joules > 0) info_.counter_range_joules = traits_.range_joules;
  updates_.push_back(phase_seconds_ - traits_.period_seconds);
}

double Sensor::uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

void Sensor::break_at(Fault fault, double seconds) {
  fault_ = fault;
  fault_seconds_ = seconds;
  if (fault == Fault::odd_range) traits_.range_joules *= 0.87654321;
  if (fault == Fault::odd_range) info_.counter_range_joules = traits_.range_joules;
}

void Sensor::wrap_at(double seconds, double expected_watts) {
  const double now = machine_.clock().now_seconds();
  const double then = machine_.joules(now) + expected_watts * (seconds - now);
  traits_.start_joules = traits_.range_joules - std::fmod(then, traits_.range_joules);
}

double Sensor::updated(double seconds) {
  while (next_update_ <= seconds) {
    updates_.push_back(next_update_);
    ++next_index_;
    next_update_ = phase_seconds_ + static_cast<double>(next_index_) * traits_.period_seconds +
                   uniform() * traits_.jitter_seconds;
  }
  while (updates_.size() > 1 && updates_[1] <= seconds) updates_.pop_front();
  return updates_.front();
}

double Sensor::value_at(double update) {
  const double told = update - traits_.lag_seconds;
  if (traits_.quantity == Quantity::cumulative_joules) {
    const double joules = traits_.start_joules + machine_.joules(told);
    const double shown = std::floor(joules / traits_.quantum) * traits_.quantum;
    return traits_.range_joules > 0 ? std::fmod(shown, traits_.range_joules) : shown;
  }
  const double window = traits_.averaging_seconds;
  double watts = window > 0 ? (machine_.joules(told) - machine_.joules(told - window)) / window
                            : machine_.watts(told);
  std::normal_distribution<double> normal(0, 1);
  watts = std::max(0.0, watts + traits_.noise_watts * normal(random_));
  return std::round(watts / traits_.quantum) * traits_.quantum;
}

Reading Sensor::read() {
  Clock& clock = machine_.clock();
  const double before = clock.now_seconds();
  double delay = traits_.read_seconds + traits_.wait_seconds;
  if (fault_ == Fault::slow_reads && before >= fault_seconds_)
    delay += slow_read_seconds * uniform();
  const double taken = before + delay * uniform();
  clock.sleep_until(taken);
  double at = updated(taken);
  const bool broken = fault_ != Fault::none && taken >= fault_seconds_;
  if (broken && fault_ == Fault::freezes && shown_update_ >= 0) at = shown_update_;
  if (at != shown_update_) {
    shown_update_ = at;
    shown_value_ = value_at(at);
  }
  double value = shown_value_;
  clock.sleep_until(before + delay);
  const double slack = (clock.now_seconds() - before) / 2;
  Reading reading{before + slack, value, {}, slack};
  if (!broken) return reading;
  if (fault_ == Fault::permission_lost) reading.invalid = "cannot read: permission denied";
  if (fault_ == Fault::vanishes) reading.invalid = "cannot read: No such device";
  if (fault_ == Fault::sentinel)
    reading.value = traits_.quantity == Quantity::watts ? sentinel_watts : sentinel_watts * 1e3;
  if (fault_ == Fault::jumps_back) reading.value = std::max(0.0, value - jump_joules);
  if (fault_ == Fault::jumps_ahead) reading.value = value + jump_joules;
  return reading;
}

}  // namespace ergon::simulator
