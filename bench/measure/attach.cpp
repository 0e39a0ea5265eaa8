#include "bench/measure/attach.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "bench/base/error.h"
#include "bench/base/student.h"
#include "bench/meters/iso_time.h"
#include "bench/meters/log_to_come.h"
#include "bench/meters/median.h"

namespace ergon::measure {
namespace {

constexpr double stated_clock_seconds = 3600;  // what a log's own idea of UTC may be off by
constexpr double touching_seconds = 0.02;
/// A sensor that settles exponentially shows an edge for longer than a mean of the same area.
constexpr double tail = 1.5;

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

/// Pieces of the log within which its clock does not go back, readings of one stamp made one.
std::vector<Trace> pieces_of(const PowerLog& log) {
  std::vector<Trace> pieces(1);
  int same = 1;
  for (const Reading& reading : log.readings) {
    Trace& piece = pieces.back();
    if (piece.empty() || reading.seconds > piece.back().seconds) {
      piece.push_back(reading);
      same = 1;
    } else if (reading.seconds < piece.back().seconds) {
      pieces.push_back({reading});
      same = 1;
    } else if (log.quantity == Quantity::watts) {
      ++same;
      piece.back().value += (reading.value - piece.back().value) / same;
    } else {
      piece.back().value = reading.value;
    }
  }
  return pieces;
}

std::string steps_back(const PowerLog& log) {
  for (std::size_t i = 1; i < log.readings.size(); ++i) {
    const double step = log.readings[i].seconds - log.readings[i - 1].seconds;
    if (step < 0)
      return fmt::format("; the log's clock goes back by {:.3g} s at line {}", -step, log.lines[i]);
  }
  return {};
}

/// Watts of a piece: a counter's are the means between its readings.
Trace watts_of(const Trace& piece, Quantity quantity) {
  if (quantity == Quantity::watts) return piece;
  Trace watts;
  for (std::size_t i = 1; i < piece.size(); ++i) {
    const double apart = piece[i].seconds - piece[i - 1].seconds;
    watts.push_back({(piece[i].seconds + piece[i - 1].seconds) / 2,
                     (piece[i].value - piece[i - 1].value) / apart,
                     {},
                     0});
  }
  return watts;
}

struct Aligned {
  const Trace* piece = nullptr;
  Alignment alignment;
};

Maybe<Aligned> align_pieces(const std::vector<Trace>& pieces, const std::vector<KnownTime>& known,
                            const PowerLog& log) {
  Maybe<Aligned> best = Absent{"cannot align: the log holds no readings"};
  std::size_t longest = 0;
  for (const Trace& piece : pieces) {
    if (piece.empty()) continue;
    const Interval search = log.is_utc
                                ? Interval{-stated_clock_seconds, stated_clock_seconds}
                                : Interval{known.front().start_seconds - piece.back().seconds,
                                           known.back().end_seconds - piece.front().seconds};
    const auto found = align(known, watts_of(piece, log.quantity), search);
    if (found && (!best || found->edges > best->alignment.edges))
      best = Aligned{&piece, *found};
    else if (!found && !best && piece.size() > longest)
      best = Absent{found.reason()};
    longest = std::max(longest, piece.size());
  }
  if (best) return best;
  return Absent{best.reason() + steps_back(log)};
}

std::string file_name(const AttachOptions& options) {
  return excerpt(options.file.substr(options.file.rfind('/') + 1));
}

/// The smallest step up and the median time between steps.
void characterise_counter(const Trace& piece, MeterInfo& info) {
  double smallest = std::numeric_limits<double>::infinity();
  std::vector<double> apart;
  std::size_t last = 0;
  for (std::size_t i = 1; i < piece.size(); ++i) {
    const double step = piece[i].value - piece[i - 1].value;
    if (step <= 0) continue;
    smallest = std::min(smallest, step);
    if (last > 0) apart.push_back(piece[i].seconds - piece[last].seconds);
    last = i;
  }
  if (apart.empty()) {
    info.quantum_joules = Absent{"the counter moves too seldom"};
    info.period_seconds = Absent{"the counter moves too seldom"};
    return;
  }
  const double usual = median_of(std::move(apart));
  info.period_seconds = usual;
  // A step holds many quanta where readings are rarer than they.
  const double watts =
      (piece.back().value - piece.front().value) / (piece.back().seconds - piece.front().seconds);
  const double printed = info.quantum_joules.value_or(0);
  info.quantum_joules = smallest > watts * usual / 2 ? printed : std::max(printed, smallest);
}

MeterInfo describe(const PowerLog& log, const Aligned& aligned, const AttachOptions& options) {
  const Alignment& alignment = aligned.alignment;
  MeterInfo info;
  info.about = fmt::format(
      "{} (sha256 {}): run = log {:+.3f} s +- {:.3f} s, drift {:.0f} +- {:.0f} ppm, by {} edges",
      file_name(options), options.sha256, alignment.offset_seconds, alignment.error_seconds,
      alignment.drift * 1e6, alignment.drift_error * 1e6, alignment.edges);
  info.part = Part::machine;
  info.scope = options.scope;
  info.quantity = log.quantity;
  const bool watts = log.quantity == Quantity::watts;
  info.provenance = watts ? Provenance::sampled : Provenance::counter;
  info.relative_uncertainty = options.relative_uncertainty;
  info.period_seconds = alignment.period_seconds;
  info.jitter_seconds = log.stamp_resolution_seconds;
  info.counter_range_joules = Absent{"the log does not tell its range"};
  if (watts) {
    info.quantum_joules = Absent{"a log of watts"};
    info.quantum_watts = log.value_resolution;
    info.averaging_seconds = options.averaging_seconds.value_or(tail * alignment.averaging_seconds);
  } else {
    info.quantum_joules = log.value_resolution;
    info.quantum_watts = Absent{"a log of joules"};
    characterise_counter(*aligned.piece, info);
  }
  return info;
}

/// On the run's clock. Alignment stamps a reading of watts in the middle of what it tells of; a
/// meter's reading tells of the time before it.
Trace shifted(const Aligned& aligned, const PowerLog& log, const MeterInfo& info) {
  Trace trace = *aligned.piece;
  for (Reading& reading : trace) {
    reading.seconds = aligned.alignment.to_run(reading.seconds) + info.averaging_seconds / 2;
    reading.slack_seconds = aligned.alignment.error_seconds + log.stamp_resolution_seconds / 2;
  }
  return trace;
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
                           const MeterInfo& info, const Trace& trace, const Alignment& alignment,
                           Attached& attached) {
  record::Energy out{info.id, windows.samples};
  double chain_start = 0, chain_end = -std::numeric_limits<double>::infinity();
  for (record::EnergySample& sample : out.samples) {
    const double start = launch_start(document, sample.launch) + sample.start_seconds;
    // Windows that touch run the same calls on and on.
    if (std::abs(start - chain_end) > touching_seconds) chain_start = start;
    chain_end = start + sample.seconds;
    const auto joules = integrate(info, trace, {start, chain_end, start - chain_start});
    ++attached.windows;
    if (joules) {
      ++attached.with_joules;
      sample.joules = joules->value;
      sample.error_joules = joules->error;
    } else {
      sample.joules = Absent{joules.reason()};
      sample.error_joules = 0;
      if (attached.first_reason.empty()) attached.first_reason = joules.reason();
    }
    const double idle = alignment.idle_watts.value;
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
  const std::vector<Trace> pieces = pieces_of(log);
  const auto aligned = align_pieces(pieces, known, log);
  if (!aligned) return Absent{aligned.reason()};
  attached.alignment = aligned->alignment;
  MeterInfo info = describe(log, *aligned, options);
  info.id = attached.meter;
  const Trace trace = shifted(*aligned, log, info);

  record::Document changed = document;
  for (record::Row& row : changed.rows) {
    const record::Energy* windows = windows_of(row);
    if (!windows) continue;
    record::Energy energy =
        with_joules(document, *windows, info, trace, attached.alignment, attached);
    put(row, std::move(energy));
  }
  if (attached.with_joules == 0)
    return Absent{"no energy window can be told from this log: " + attached.first_reason};
  const bool none_primary = std::none_of(changed.meters.begin(), changed.meters.end(),
                                         [](const record::Meter& m) { return m.primary; });
  const auto to_come = std::find_if(changed.meters.begin(), changed.meters.end(),
                                    [](const record::Meter& m) { return m.id == log_to_come_id; });
  if (to_come != changed.meters.end())
    *to_come = to_record(info, attached.alignment, to_come->primary);
  else
    changed.meters.push_back(to_record(info, attached.alignment, none_primary));
  document = std::move(changed);
  return attached;
}

}  // namespace ergon::measure
