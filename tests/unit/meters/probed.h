// A clock that moves a fake sensor, and the meters that a probe found or refused.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "bench/meters/meter.h"

namespace ergon::testing {

/// Every look at it takes 20 us; `update` is called with the time of each millisecond that begins.
class TickingClock final : public Clock {
 public:
  explicit TickingClock(std::function<void(double)> update) : update_(std::move(update)) {
    update_(0);
  }
  double now_seconds() override {
    advance(20e-6);
    return now_;
  }
  void sleep_until(double seconds) override {
    if (seconds > now_) advance(seconds - now_);
  }
  void advance(double seconds) {
    const double before = std::floor(now_ * 1e3);
    now_ += seconds;
    if (std::floor(now_ * 1e3) != before) update_(std::floor(now_ * 1e3) * 1e-3);
  }

 private:
  std::function<void(double)> update_;
  double now_ = 0;
};

inline std::string ids_of(const Probes& probes) {
  std::string out;
  for (const Probe& probe : probes) {
    const auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe);
    out += meter != nullptr ? (*meter)->info().id + " "
                            : "(" + std::get<Unavailable>(probe).meter + ": " +
                                  std::get<Unavailable>(probe).reason + ") ";
  }
  return out;
}

inline std::unique_ptr<Meter> opened(Probes probes, const std::string& id) {
  for (Probe& probe : probes)
    if (auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe))
      if ((*meter)->info().id == id) return std::move(*meter);
  throw std::runtime_error(id + " is not among " + ids_of(probes));
}

inline Unavailable refused(const Probes& probes, const std::string& id) {
  for (const Probe& probe : probes)
    if (const auto* none = std::get_if<Unavailable>(&probe))
      if (none->meter == id) return *none;
  throw std::runtime_error(id + " is not refused among " + ids_of(probes));
}

/// Mean watts, with their error, of a window of `seconds` or a little more after the meter's lead,
/// read as a Recorder does.
inline Maybe<Joules> measured_watts(Meter& meter, TickingClock& clock, double seconds) {
  const double interval = reading_interval_seconds(meter.info()).value_or(seconds / 10);
  Trace trace;
  const auto read_for = [&](double span) {
    const double end = clock.now_seconds() + span;
    while (clock.now_seconds() < end) {
      trace.push_back(meter.read());
      clock.advance(interval);
    }
    return end;
  };
  const double start = read_for(lead_seconds(meter.info()));
  const double end = read_for(seconds);
  clock.sleep_until(end);
  trace.push_back(meter.read());
  const auto joules = integrate(meter.info(), trace, {start, end, lead_seconds(meter.info())});
  if (!joules) return joules;
  return Joules{joules->value / (end - start), joules->error / (end - start)};
}

}  // namespace ergon::testing
