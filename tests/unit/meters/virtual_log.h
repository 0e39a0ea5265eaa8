// A run with idle gaps, busy beacons and energy windows, its true power, and the log that a sensor
// with a clock of its own writes of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "bench/meters/align.h"

namespace ergon::testing {

struct VirtualRun {
  std::vector<KnownTime> known;  // on the run's clock
  std::vector<KnownTime> windows;
  double start_seconds = 1e6;
  double end_seconds = 0;
  double idle_watts = 40;
  double busy_watts = 95;
  double light_watts = 95;  // instead, from light_from_seconds on
  double light_from_seconds = 1e9;

  /// `rows` energy windows between beacons, with times of unknown power between rows.
  static VirtualRun make(int rows, std::mt19937_64& random) {
    std::uniform_real_distribution<double> share(0, 1);
    VirtualRun run;
    double now = run.start_seconds;
    const auto add = [&](double seconds, bool busy) {
      run.known.push_back({now, now + seconds, busy});
      now += seconds + 1e-4;
    };
    const auto beacon = [&](bool busy) { add(6 + 3 * share(random), busy); };
    beacon(false);
    beacon(true);
    for (int row = 0; row < rows; ++row) {
      beacon(false);
      for (int i = 0; i < 3; ++i) {
        add(i == 1 ? 30 : 15, true);
        run.windows.push_back(run.known.back());
      }
      beacon(false);
      beacon(true);
      beacon(false);
      now += 5 + 10 * share(random);
    }
    run.end_seconds = now;
    return run;
  }

  double busy_at(double seconds) const {
    return seconds < light_from_seconds ? busy_watts : light_watts;
  }
  double watts(double seconds) const {
    if (seconds < start_seconds || seconds > end_seconds) return idle_watts;
    for (const KnownTime& time : known)
      if (seconds < time.end_seconds + 1e-4)
        return seconds < time.start_seconds ? 70 : (time.busy ? busy_at(seconds) : idle_watts);
    return 70;
  }
};

struct VirtualSensor {
  double period_seconds = 1;
  double averaging_seconds = 0;  // trailing mean
  double noise_watts = 0.5;
  double quantum_watts = 0.1;
  /// log clock = run clock * (1 + drift) + offset.
  double offset_seconds = -7.25;
  double drift = 0;

  double to_log(double run_seconds, double pivot) const {
    return run_seconds + offset_seconds + drift * (run_seconds - pivot);
  }
  Trace log(const VirtualRun& run, std::mt19937_64& random, double margin_seconds = 120) const {
    std::normal_distribution<double> noise(0, noise_watts);
    std::uniform_real_distribution<double> phase(0, period_seconds);
    Trace trace;
    for (double at = run.start_seconds - margin_seconds + phase(random);
         at < run.end_seconds + margin_seconds; at += period_seconds) {
      double watts = 0;
      constexpr int parts = 20;
      for (int i = 0; i < parts; ++i)
        watts += run.watts(at - averaging_seconds * (i + 0.5) / parts) / parts;
      watts = std::round((watts + noise(random)) / quantum_watts) * quantum_watts;
      trace.push_back({to_log(at, run.start_seconds), watts, {}, 0});
    }
    return trace;
  }
};

}  // namespace ergon::testing
