// What a run with a log to come leaves in the power that the log shows: known idle and busy times
// around energy windows, of lengths that do not repeat, so that the log can be aligned with the run
// afterwards.

#include <cmath>

#include "bench/measure/member.h"
#include "bench/meters/beacon_lengths.h"

namespace ergon::measure {
namespace {

/// An idle time that ended so long ago no longer borders on what comes.
constexpr double adjoining_seconds = 5e-3;

double next_seconds(const Beacons& beacons) {
  return beacon_seconds(beacons.seed, beacons.count, beacons.unit_seconds);
}

}  // namespace

void Member::keep_beacon(double start, double end, bool busy) {
  const record::Beacon beacon{session_.launch, start - session_.started_seconds, end - start, busy};
  session_.sink.beacon(beacon);
  ++session_.beacons->count;
  session_.beacons->last_end_seconds = end;
}

void Member::leave_idle() {
  Clock& clock = session_.clock;
  const double start = clock.now_seconds();
  clock.sleep_until(start + next_seconds(*session_.beacons));
  keep_beacon(start, clock.now_seconds(), false);
}

void Member::keep_busy() {
  const double seconds = next_seconds(*session_.beacons);
  const auto calls = std::llround(std::ceil(seconds / std::max(seconds_per_call_, 1e-9)));
  const auto timed = timed_->window(std::max<std::int64_t>(1, calls));
  keep_beacon(timed.start_seconds, timed.start_seconds + timed.seconds, true);
}

void Member::beacons_before() {
  if (!session_.beacons) return;
  const double since = session_.clock.now_seconds() - session_.beacons->last_end_seconds;
  if (session_.beacons->count > 0 && since < adjoining_seconds) return;
  if (session_.beacons->count == 0) {
    leave_idle();
    keep_busy();
  }
  leave_idle();
}

void Member::beacons_after() {
  if (!session_.beacons) return;
  leave_idle();
  keep_busy();
  leave_idle();
}

}  // namespace ergon::measure
