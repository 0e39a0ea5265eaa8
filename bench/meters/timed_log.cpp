#include "bench/meters/timed_log.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/log_counter.h"
#include "bench/meters/log_doubts.h"
#include "bench/meters/plausible.h"

namespace ergon {
namespace {

constexpr double stated_clock_seconds = 3600;  // what a log's own idea of UTC may be off by
/// A sensor that settles exponentially shows an edge for longer than a mean of the same area.
constexpr double tail = 1.5;

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

/// Watts of a piece, those that are a power: a counter's are the means between its readings.
Trace watts_of(const Trace& piece, Quantity quantity, Scope scope) {
  Trace watts = piece;
  if (quantity == Quantity::cumulative_joules) {
    watts.clear();
    for (std::size_t i = 1; i < piece.size(); ++i) {
      const double apart = piece[i].seconds - piece[i - 1].seconds;
      watts.push_back({(piece[i].seconds + piece[i - 1].seconds) / 2,
                       (piece[i].value - piece[i - 1].value) / apart,
                       {},
                       apart / 2});
    }
  }
  std::erase_if(watts, [&](const Reading& r) { return !fault_of_power(r.value, scope).empty(); });
  return watts;
}

struct Aligned {
  const Trace* piece = nullptr;
  Alignment alignment;
};

Maybe<Aligned> align_pieces(const std::vector<Trace>& pieces, const std::vector<KnownTime>& known,
                            const PowerLog& log, Scope scope) {
  Maybe<Aligned> best = Absent{
      pieces.size() > 1 ? "cannot align: no part of the log that its clock goes forward in is long "
                          "enough for the run"
                        : "cannot align: the log holds no readings"};
  double least = 0;
  for (const KnownTime& time : known) least += (time.end_seconds - time.start_seconds) / 2;
  std::size_t longest = 0;
  for (const Trace& piece : pieces) {
    if (piece.empty()) continue;
    // A clock that goes back often leaves many pieces, and a search of each takes long.
    if (pieces.size() > 1 && piece.back().seconds - piece.front().seconds < least) continue;
    const Interval search = log.is_utc
                                ? Interval{-stated_clock_seconds, stated_clock_seconds}
                                : Interval{known.front().start_seconds - piece.back().seconds,
                                           known.back().end_seconds - piece.front().seconds};
    const auto found = align(known, watts_of(piece, log.quantity, scope), search);
    if (found && (!best || found->edges > best->alignment.edges))
      best = Aligned{&piece, *found};
    else if (!found && !best && piece.size() > longest)
      best = Absent{found.reason()};
    longest = std::max(longest, piece.size());
  }
  if (best) return best;
  return Absent{best.reason() + steps_back(log)};
}

MeterInfo describe(const PowerLog& log, const Aligned& aligned, const LogTraits& traits) {
  const Alignment& alignment = aligned.alignment;
  MeterInfo info;
  info.part = Part::machine;
  info.scope = traits.scope;
  info.quantity = log.quantity;
  const bool watts = log.quantity == Quantity::watts;
  info.provenance = watts ? Provenance::sampled : Provenance::counter;
  info.relative_uncertainty = traits.relative_uncertainty;
  info.period_seconds = alignment.period_seconds;
  info.jitter_seconds = log.stamp_resolution_seconds;
  info.clock_error_seconds = alignment.error_seconds;
  info.counter_range_joules = Absent{"the log does not tell its range"};
  if (watts) {
    info.quantum_joules = Absent{"a log of watts"};
    info.quantum_watts = log.value_resolution;
    info.averaging_seconds = traits.averaging_seconds.value_or(tail * alignment.averaging_seconds);
  } else {
    info.quantum_joules = log.value_resolution;
    info.quantum_watts = Absent{"a log of joules"};
    info.readings_are_steps = true;
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
    reading.slack_seconds = log.stamp_resolution_seconds / 2;
  }
  return trace;
}

void know_counter(Trace& trace, const MeterInfo& info, const std::vector<KnownTime>& known,
                  double stamp_seconds) {
  doubt_jumps(trace, known, info);
  const auto scatter = scatter_of_stamps(trace, info, known);
  if (!scatter) return;
  // Stamps that are rounded alike are off together. Where the clock's drift moves on by a step
  // between some of them, these are off by all of it, which two ends have to cover.
  constexpr double drift = 100e-6;
  constexpr double often = 0.05;
  constexpr double covers_a_step = 0.37;  // 1 / (1.96 * sqrt 2), and some
  double longest = 0;
  for (const KnownTime& time : known)
    longest = std::max(longest, time.end_seconds - time.start_seconds);
  const double steps = stamp_seconds > 0 ? drift * longest / stamp_seconds : 0;
  const double rounded = stamp_seconds * (steps > often ? covers_a_step : std::sqrt(steps / 2));
  // As if evenly within so much, either way.
  for (Reading& reading : trace)
    reading.slack_seconds = std::sqrt(3.0) * std::hypot(*scatter, rounded);
}

}  // namespace

Maybe<TimedLog> time_log(const PowerLog& log, const std::vector<KnownTime>& known,
                         const LogTraits& traits) {
  if (known.empty()) return Absent{"cannot align: the run knows of no idle and busy times"};
  const std::vector<Trace> pieces = pieces_of(log);
  const auto aligned = align_pieces(pieces, known, log, traits.scope);
  if (!aligned) return Absent{aligned.reason()};
  MeterInfo info = describe(log, *aligned, traits);
  Trace trace = shifted(*aligned, log, info);
  if (log.quantity == Quantity::watts)
    doubt_repeats(trace, known, lead_seconds(info) + info.clock_error_seconds,
                  log.value_resolution);
  else
    know_counter(trace, info, known, log.stamp_resolution_seconds);
  return TimedLog{std::move(info), aligned->alignment, std::move(trace)};
}

std::vector<Maybe<Joules>> joules_of(const TimedLog& log, const std::vector<KnownTime>& known,
                                     const std::vector<KnownTime>& windows) {
  std::vector<Maybe<Joules>> out;
  for (const KnownTime& window : windows) {
    const auto here = std::lower_bound(
        known.begin(), known.end(), window.start_seconds,
        [](const KnownTime& time, double seconds) { return time.start_seconds < seconds; });
    double load_start = window.start_seconds;
    for (auto it = here; it != known.begin() && (it - 1)->busy &&
                         load_start - (it - 1)->end_seconds < touching_seconds;
         --it)
      load_start = (it - 1)->start_seconds;
    const bool ends = here != known.end() && here + 1 != known.end() && !(here + 1)->busy &&
                      (here + 1)->start_seconds - window.end_seconds < touching_seconds;
    out.push_back(integrate(
        log.info, log.trace,
        {window.start_seconds, window.end_seconds, window.start_seconds - load_start, ends}));
  }
  return out;
}

}  // namespace ergon
