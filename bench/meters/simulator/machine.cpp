#include "bench/meters/simulator/machine.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ergon::simulator {

Machine::Machine(const PowerCurve& curve, Clock& clock, std::uint64_t seed)
    : curve_(curve), clock_(clock), random_(seed), level_(curve.idle_watts) {}

void Machine::load(bool on) {
  const double now = clock_.now_seconds();
  grow(now);
  if (on && !loaded_) loaded_since_ = now;
  loaded_ = on;
}

void Machine::grow(double seconds) {
  std::normal_distribution<double> normal;
  const double keep = std::exp(-curve_.cell_seconds / curve_.noise_seconds);
  const double approach = 1 - std::exp(-curve_.cell_seconds / curve_.ramp_seconds);
  while (static_cast<double>(joules_before_.size() - 1) * curve_.cell_seconds <= seconds) {
    const double now = static_cast<double>(joules_before_.size() - 1) * curve_.cell_seconds;
    const double target =
        loaded_ ? curve_.busy_watts + curve_.drift_watts * std::max(0.0, now - loaded_since_)
                : curve_.idle_watts;
    level_ += approach * (target - level_);
    noise_ = keep * noise_ + std::sqrt(1 - keep * keep) * normal(random_);
    const double watts = std::max(0.1 * level_, level_ * (1 + curve_.noise * noise_));
    joules_before_.push_back(joules_before_.back() + watts * curve_.cell_seconds);
  }
}

double Machine::joules(double seconds) {
  if (seconds <= 0) return 0;
  if (seconds > clock_.now_seconds() + curve_.cell_seconds)
    throw std::logic_error("the future's energy is not known");
  grow(seconds);
  const auto cell = static_cast<std::size_t>(seconds / curve_.cell_seconds);
  const double within = seconds - static_cast<double>(cell) * curve_.cell_seconds;
  return joules_before_[cell] + (joules_before_[cell + 1] - joules_before_[cell]) *
                                    std::clamp(within / curve_.cell_seconds, 0.0, 1.0);
}

double Machine::watts(double seconds) {
  if (seconds < 0) return curve_.idle_watts;
  grow(seconds);
  const auto cell = static_cast<std::size_t>(seconds / curve_.cell_seconds);
  return (joules_before_[cell + 1] - joules_before_[cell]) / curve_.cell_seconds;
}

}  // namespace ergon::simulator
