// The energy pass of a member: the same call repeated for as long as the meters need.
//
// A window is led in by the same calls, so that a sensor that trails the truth shows the power of
// the window at both its ends. Every meter of the session watches every window; the primary one's
// samples are the row's energy.

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "bench/measure/member.h"
#include "bench/meters/power_trace.h"

namespace ergon::measure {
namespace {

constexpr double longest_window_seconds = 60;
constexpr double unknown_idle_watts = 10;
constexpr double longest_short_window_seconds = 1;
/// Calls may be quicker than those that were seen.
constexpr double margin = 1.1;
/// Of windows of a row that came out too short.
constexpr int most_repeats = 2;
/// N calls and 2 N by turns, so that the marginal cost of a call can be told from what starting
/// one costs.
constexpr double mean_windows = 1.5;

struct Need {
  double lead_seconds = 0, window_seconds = 0;
};

Maybe<Need> need_of(const ActiveMeter& active, double wanted_error) {
  const double watts = std::max(1.0, active.idle_watts.value_or(unknown_idle_watts));
  const auto shortest = shortest_window_seconds(active.meter->info(), watts, wanted_error);
  if (!shortest && (active.idle_watts || active.idle_watts.reason() == shortest.reason()))
    return Absent{shortest.reason()};
  if (!shortest)
    return Absent{shortest.reason() + "; idle watts are not known: " + active.idle_watts.reason()};
  if (*shortest > longest_window_seconds)
    return Absent{
        fmt::format("the meter needs a window of {:.3g} s for the wanted error; {} s is "
                    "the most",
                    *shortest, longest_window_seconds)};
  return Need{lead_seconds(active.meter->info()), margin * *shortest};
}

int windows_of(const Need& need, const Effort& effort) {
  return need.window_seconds > longest_short_window_seconds ? effort.long_energy_windows
                                                            : effort.energy_windows;
}

double seconds_of(const Need& need, const Effort& effort) {
  return windows_of(need, effort) * (need.lead_seconds + mean_windows * need.window_seconds);
}

std::string too_long(const Need& need, const Effort& effort, double seconds) {
  return fmt::format(
      "the meter needs {} windows of {:.3g} s and more, {:.3g} s in all, and {:.3g} s are left to "
      "this row: give more --budget",
      windows_of(need, effort), need.window_seconds, seconds_of(need, effort), seconds);
}

std::string too_short(double seconds, double least) {
  return fmt::format(
      "the calls were quicker than before: the window lasted {:.3g} s, and the meter needs {:.3g} "
      "s",
      seconds, least);
}

std::int64_t calls_in(double seconds, double seconds_per_call) {
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(seconds / std::max(seconds_per_call, 1e-9))));
}

std::vector<record::PowerPoint> to_record(const std::vector<PowerPoint>& points, double start) {
  std::vector<record::PowerPoint> out;
  for (const PowerPoint& point : points) out.push_back({point.seconds - start, point.watts});
  return out;
}

}  // namespace

std::vector<record::EnergySample> Member::energy_window(std::int64_t lead_calls, std::int64_t calls,
                                                        const std::vector<double>& least_seconds) {
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (const ActiveMeter& active : session_.meters)
    recorders.push_back(std::make_unique<Recorder>(
        *active.meter, session_.clock,
        session_.effort.power_traces ? std::optional(trace_interval_seconds(active.meter->info()))
                                     : std::nullopt));
  for (auto& recorder : recorders) recorder->start();
  const double led_from = session_.clock.now_seconds();
  timed_->window(lead_calls);
  for (auto& recorder : recorders) recorder->mark();
  const auto timed = timed_->window(calls);
  for (auto& recorder : recorders) recorder->mark();
  const Window window{timed.start_seconds, timed.start_seconds + timed.seconds,
                      timed.start_seconds - led_from, true};
  std::vector<record::EnergySample> samples;
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    const MeterInfo& meter = session_.meters[i].meter->info();
    const Trace trace = recorders[i]->stop(true);
    record::EnergySample sample;
    sample.start_seconds = timed.start_seconds - session_.started_seconds;
    sample.seconds = timed.seconds;
    sample.calls = calls;
    sample.launch = session_.launch;
    sample.idle_watts = session_.meters[i].idle_watts;
    auto joules = integrate(meter, trace, window);
    if (joules && timed.seconds < least_seconds[i])
      joules = Absent{too_short(timed.seconds, least_seconds[i])};
    if (joules) {
      sample.joules = joules->value;
      sample.error_joules = joules->error;
    } else {
      sample.joules = Absent{joules.reason()};
    }
    if (session_.effort.power_traces)
      sample.trace = to_record(power_trace(meter, trace), timed.start_seconds);
    samples.push_back(std::move(sample));
  }
  if (session_.beacons && lead_calls > 0) keep_beacon(led_from, timed.start_seconds, true);
  return samples;
}

double Member::energy_seconds() const {
  if (!usable() || session_.meters.empty()) return 0;
  const auto need = need_of(session_.meters.front(), session_.effort.energy_error);
  return need ? seconds_of(*need, session_.effort) : 0;
}

void Member::measure_energy(double seconds) {
  if (!usable()) return;
  if (session_.meters.empty()) {
    row.energy = Absent{session_.no_meter};
    return;
  }
  const Effort& effort = session_.effort;
  const auto primary = need_of(session_.meters.front(), effort.energy_error);
  if (!primary) {
    row.energy = Absent{primary.reason()};
    return;
  }
  if (seconds_of(*primary, effort) > seconds) {
    row.energy = Absent{too_long(*primary, effort, seconds)};
    return;
  }
  // The others have what they need where that fits, and say why not where it does not.
  Need need = *primary;
  std::vector<std::string> refusals(session_.meters.size());
  std::vector<double> least_seconds(session_.meters.size(), 0);
  least_seconds.front() = primary->window_seconds / margin;
  for (std::size_t i = 1; i < session_.meters.size(); ++i) {
    const auto other = need_of(session_.meters[i], effort.energy_error);
    if (!other) {
      refusals[i] = other.reason();
      continue;
    }
    const Need both{std::max(need.lead_seconds, other->lead_seconds),
                    std::max(need.window_seconds, other->window_seconds)};
    if (seconds_of(both, effort) <= seconds) {
      need = both;
      least_seconds[i] = other->window_seconds / margin;
    } else {
      refusals[i] = too_long(*other, effort, seconds);
    }
  }
  need.window_seconds = std::max(need.window_seconds, effort.window_seconds);
  std::int64_t calls = calls_in(need.window_seconds, seconds_per_call_);
  const std::int64_t lead_calls = calls_in(need.lead_seconds, seconds_per_call_);
  std::vector<record::Energy> energies(session_.meters.size());
  beacons_before();
  int repeats = 0;
  for (int window = 0; window < windows_of(need, effort);) {
    auto samples = energy_window(lead_calls, window % 2 == 0 ? calls : 2 * calls, least_seconds);
    // Calls may be quicker than they were when they were timed.
    const record::EnergySample& first = samples.front();
    const bool too_short = first.seconds < need.window_seconds / margin;
    calls = std::max(
        calls, calls_in(need.window_seconds, first.seconds / static_cast<double>(first.calls)));
    if (too_short && ++repeats <= most_repeats) continue;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      energies[i].meter = session_.meters[i].meter->info().id;
      if (!refusals[i].empty()) samples[i].joules = Absent{refusals[i]};
      session_.sink.energy_sample(key, energies[i].meter, samples[i]);
      energies[i].samples.push_back(std::move(samples[i]));
    }
    ++window;
  }
  row.energy = energies.front();
  row.extra_meters.assign(energies.begin() + 1, energies.end());
  beacons_after();
}

}  // namespace ergon::measure
