// The energy pass of a member: the same call repeated for as long as the meter needs.

#include <algorithm>
#include <cmath>

#include "bench/measure/member.h"

namespace ergon::measure {
namespace {

constexpr double longest_window_seconds = 30;

}  // namespace

record::EnergySample Member::energy_window(std::int64_t calls) {
  Recorder recorder(*session_.meter, session_.clock);
  recorder.start();
  const auto timed = timed_->window(calls);
  const Trace trace = recorder.stop();

  record::EnergySample sample;
  sample.start_seconds = timed.start_seconds - session_.started_seconds;
  sample.seconds = timed.seconds;
  sample.calls = calls;
  sample.launch = session_.launch;
  sample.idle_watts = session_.idle_watts;
  const auto joules = integrate(session_.meter->info(), trace,
                                {timed.start_seconds, timed.start_seconds + timed.seconds});
  if (joules) {
    sample.joules = joules->value;
    sample.error_joules = joules->error;
  } else {
    sample.joules = Absent{joules.reason()};
  }
  return sample;
}

// N against 2N calls, so that the marginal cost of a call can be told from what starting one costs.
void Member::measure_energy() {
  if (!usable()) return;
  if (!session_.meter) {
    row.energy = Absent{session_.no_meter};
    return;
  }
  const MeterInfo& meter = session_.meter->info();
  const double watts = session_.idle_watts.value_or(10.0);
  const auto shortest =
      shortest_window_seconds(meter, std::max(1.0, watts), session_.effort.energy_error);
  if (!shortest) {
    row.energy = Absent{shortest.reason()};
    return;
  }
  if (*shortest > longest_window_seconds) {
    row.energy = Absent{"the meter needs a window of " + std::to_string(*shortest) +
                        " s for the wanted error; 30 s is the most"};
    return;
  }
  // A tenth longer: calls may be quicker than those that were seen.
  const double aim = std::max(1.1 * *shortest, session_.effort.window_seconds);
  const auto calls =
      std::max<std::int64_t>(1, std::llround(std::ceil(aim / std::max(seconds_per_call_, 1e-9))));
  record::Energy energy;
  energy.meter = meter.id;
  const Effort& effort = session_.effort;
  beacons_before();
  const int windows = aim > 1 ? effort.long_energy_windows : effort.energy_windows;
  for (int i = 0; i < windows; ++i) {
    energy.samples.push_back(energy_window(i % 2 == 0 ? calls : 2 * calls));
    session_.sink.energy_sample(key, meter.id, energy.samples.back());
  }
  row.energy = energy;
  beacons_after();
}

}  // namespace ergon::measure
