// Time in seconds from a fixed, arbitrary start; monotonic. Injected, so that faults can be tested
// in virtual time.
#pragma once

namespace ergon {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double now_seconds() = 0;
  virtual void sleep_until(double seconds) = 0;
};

/// CLOCK_MONOTONIC.
class SteadyClock final : public Clock {
 public:
  double now_seconds() override;
  void sleep_until(double seconds) override;
};

/// Moves only when told to; sleeping advances it.
class VirtualClock final : public Clock {
 public:
  double now_seconds() override { return now_; }
  void sleep_until(double seconds) override {
    if (seconds > now_) now_ = seconds;
  }
  void advance(double seconds) { now_ += seconds; }

 private:
  double now_ = 0;
};

}  // namespace ergon
