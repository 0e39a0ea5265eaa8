#include "bench/measure/attach.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/base/error.h"
#include "bench/base/student.h"
#include "bench/meters/iso_time.h"
#include "bench/meters/log_to_come.h"

namespace ergon::measure {
namespace {

double launch_start(const record::Document& document, int launch) {
  for (const record::LaunchStart& start : document.run.launch_starts)
    if (start.launch == launch) {
      const auto moment = moment_from(start.utc);
      if (!moment) throw UserError("/run/launch_starts: '" + start.utc + "' is no date");
      return moment->utc_seconds;
    }
  throw UserError(
      fmt::format("the record does not say when launch {} started: it is of an older "
                  "version, and its logs cannot be attached",
                  launch));
}

/// The windows that a row has: those of its primary meter, else of another.
const record::Energy* windows_of(const record::Row& row) {
  if (row.energy) return &*row.energy;
  return row.extra_meters.empty() ? nullptr : &row.extra_meters.front();
}

std::vector<KnownTime> known_times(const record::Document& document) {
  std::vector<KnownTime> known;
  const auto add = [&](const auto& span, bool busy) {
    const double start = launch_start(document, span.launch) + span.start_seconds;
    if (span.seconds > 0) known.push_back({start, start + span.seconds, busy});
  };
  for (const record::Beacon& beacon : document.run.beacons) add(beacon, beacon.busy);
  bool any = false;
  for (const record::Row& row : document.rows)
    if (const record::Energy* energy = windows_of(row))
      for (const record::EnergySample& sample : energy->samples) {
        add(sample, true);
        any = true;
      }
  if (!any)
    throw UserError(
        "the record has no energy windows; run with --meter log, or with another meter "
        "beside it");
  std::sort(known.begin(), known.end(), [](const KnownTime& a, const KnownTime& b) {
    return a.start_seconds < b.start_seconds;
  });
  for (std::size_t i = 1; i < known.size(); ++i)
    if (known[i].start_seconds < known[i - 1].end_seconds - touching_seconds)
      throw UserError("the record's energy windows and beacons overlap: `ergon verify` tells more");
  return known;
}

std::string file_name(const AttachOptions& options) {
  return excerpt(options.file.substr(options.file.rfind('/') + 1));
}

std::string about(const AttachOptions& options, const Alignment& alignment) {
  return fmt::format(
      "{} (sha256 {}): run = log {:+.3f} s +- {:.3f} s, drift {:.0f} +- {:.0f} ppm, by {} edges",
      file_name(options), options.sha256, alignment.offset_seconds, alignment.error_seconds,
      alignment.drift * 1e6, alignment.drift_error * 1e6, alignment.edges);
}

std::string id_of(const record::Document& document, const AttachOptions& options) {
  std::set<std::string> ids;
  for (const record::Meter& meter : document.meters) {
    if (meter.about.find(options.sha256) != std::string::npos)
      throw UserError({options.file, 0, ""}, "is attached already, as '" + meter.id + "'");
    ids.insert(meter.id);
  }
  const std::string base = std::string(log_to_come_id) + ":" + file_name(options);
  std::string id = base;
  for (int number = 2; ids.count(id) > 0; ++number) id = base + "#" + std::to_string(number);
  return id;
}

record::Meter to_record(const MeterInfo& info, const Alignment& alignment, bool primary) {
  record::Meter meter;
  meter.id = info.id;
  meter.scope = name(info.scope);
  meter.provenance = name(info.provenance);
  meter.about = info.about;
  meter.part = name(info.part);
  meter.relative_uncertainty = info.relative_uncertainty;
  meter.quantum_joules = info.quantum_joules;
  meter.period_seconds = info.period_seconds;
  if (info.quantum_watts) meter.quantum_watts = *info.quantum_watts;
  meter.jitter_seconds = info.jitter_seconds;
  meter.averaging_seconds = info.averaging_seconds;
  meter.shortest_window_seconds =
      Absent{"the windows were there before the log; each has its own error"};
  const Estimate& idle = alignment.idle_watts;
  // Where in a step of the log the idle power lies is the same in all idle times.
  const double step = student_limit * info.quantum_watts.value_or(0) / std::sqrt(12.0);
  meter.idle_watts =
      idle.value > 0
          ? Maybe<record::Meter::Idle>(record::Meter::Idle{
                idle.value,
                {std::min(idle.low, idle.value - step), std::max(idle.high, idle.value + step)}})
          : Absent{"no idle time was long enough for the log"};
  meter.primary = primary;
  return meter;
}

record::Energy with_joules(const record::Document& document, const record::Energy& windows,
                           const TimedLog& log, const std::vector<KnownTime>& known,
                           Attached& attached) {
  record::Energy out{log.info.id, windows.samples};
  std::vector<KnownTime> times;
  for (const record::EnergySample& sample : out.samples) {
    const double start = launch_start(document, sample.launch) + sample.start_seconds;
    times.push_back({start, start + sample.seconds, true});
  }
  const std::vector<Maybe<Joules>> told = joules_of(log, known, times);
  const double idle = log.alignment.idle_watts.value;
  for (std::size_t i = 0; i < told.size(); ++i) {
    record::EnergySample& sample = out.samples[i];
    ++attached.windows;
    sample.error_joules = 0;
    if (told[i]) {
      ++attached.with_joules;
      sample.joules = told[i]->value;
      sample.error_joules = told[i]->error;
    } else {
      sample.joules = Absent{told[i].reason()};
      if (attached.first_reason.empty()) attached.first_reason = told[i].reason();
    }
    sample.idle_watts = idle > 0 ? Maybe<double>(idle) : Absent{"not measured"};
  }
  return out;
}

/// In the place of the log that was to come, else where there is none yet, else beside the others.
void put(record::Row& row, record::Energy energy) {
  const auto beside = std::find_if(row.extra_meters.begin(), row.extra_meters.end(),
                                   [](const auto& e) { return e.meter == log_to_come_id; });
  if (beside != row.extra_meters.end())
    *beside = std::move(energy);
  else if (!row.energy || row.energy->meter == log_to_come_id)
    row.energy = std::move(energy);
  else
    row.extra_meters.push_back(std::move(energy));
}

}  // namespace

Maybe<Attached> attach_log(record::Document& document, const PowerLog& log,
                           const AttachOptions& options) {
  Attached attached;
  attached.meter = id_of(document, options);
  const std::vector<KnownTime> known = known_times(document);
  const auto found = time_log(log, known, options.traits);
  if (!found) return Absent{found.reason()};
  TimedLog timed = *found;
  attached.alignment = timed.alignment;
  timed.info.id = attached.meter;
  timed.info.about = about(options, timed.alignment);

  record::Document changed = document;
  for (record::Row& row : changed.rows) {
    const record::Energy* windows = windows_of(row);
    if (!windows) continue;
    put(row, with_joules(document, *windows, timed, known, attached));
  }
  if (attached.with_joules == 0)
    return Absent{"no energy window can be told from this log: " + attached.first_reason};
  const bool none_primary = std::none_of(changed.meters.begin(), changed.meters.end(),
                                         [](const record::Meter& m) { return m.primary; });
  const auto to_come = std::find_if(changed.meters.begin(), changed.meters.end(),
                                    [](const record::Meter& m) { return m.id == log_to_come_id; });
  if (to_come != changed.meters.end())
    *to_come = to_record(timed.info, attached.alignment, to_come->primary);
  else
    changed.meters.push_back(to_record(timed.info, attached.alignment, none_primary));
  document = std::move(changed);
  return attached;
}

}  // namespace ergon::measure
