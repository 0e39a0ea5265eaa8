#include "bench/report/energy.h"
#include "bench/record/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "bench/base/student.h"
#include "bench/report/arithmetic.h"
#include "bench/report/covers.h"
#include "bench/report/text.h"
#include "bench/stats/stats.h"

namespace ergon::report {
namespace {

using record::EnergySample;

constexpr std::array<std::pair<Joules, std::string_view>, 3> names = {
    {{Joules::gross, "gross"}, {Joules::idle, "idle"}, {Joules::marginal, "marginal"}}};

/// Joules over so many calls or seconds. `error` is independent of those of other pieces; the
/// others are the same in all of them, each for its own reason.
struct Piece {
  double joules = 0, error = 0, units = 0;
  int launch = 0;
  double step_error = 0, idle_error = 0;
};

double units_of(const EnergySample& sample, EnergyUnit unit) {
  return unit == EnergyUnit::call ? static_cast<double>(sample.calls) : sample.seconds;
}

/// Of what a window's joules may be off by, what may be the same in every window: where in the step
/// of a coarse sensor a steady power lies.
double step_error_of(const record::Meter& meter, const EnergySample& sample) {
  const double step = student_limit * meter.quantum_watts.value_or(0) / std::sqrt(12.0);
  return std::min(sample.error_joules, step * sample.seconds);
}

double own_error_of(const record::Meter& meter, const EnergySample& sample) {
  const double step = step_error_of(meter, sample);
  return std::sqrt(sample.error_joules * sample.error_joules - step * step);
}

Maybe<std::vector<Piece>> gross(const record::Meter& meter,
                                const std::vector<EnergySample>& samples, EnergyUnit unit) {
  std::vector<Piece> pieces;
  std::string why_none = "no energy window";
  for (const EnergySample& sample : samples) {
    const double units = units_of(sample, unit);
    if (sample.joules && units > 0)
      pieces.push_back({*sample.joules, own_error_of(meter, sample), units, sample.launch,
                        step_error_of(meter, sample), 0});
    else
      why_none = sample.joules ? "an energy window is empty" : sample.joules.reason();
  }
  if (pieces.empty()) return Absent{why_none};
  return pieces;
}

Maybe<std::vector<Piece>> above_idle(const record::Meter& meter,
                                     const std::vector<EnergySample>& samples, EnergyUnit unit) {
  if (!meter.idle_watts) return Absent{"idle watts are not known: " + meter.idle_watts.reason()};
  const Interval range = meter.idle_watts->interval95;
  const auto all = gross(meter, samples, unit);
  if (!all) return all;
  std::vector<Piece> pieces = *all;
  auto piece = pieces.begin();
  for (const EnergySample& sample : samples) {
    if (!sample.joules || !(units_of(sample, unit) > 0)) continue;
    piece->joules -= meter.idle_watts->value * sample.seconds;
    piece->idle_error = (range.high - range.low) / 2 * sample.seconds;
    ++piece;
  }
  return pieces;
}

/// More calls and fewer.
struct Pair {
  const EnergySample* more;
  const EnergySample* fewer;
};

/// Each window against the next one of its launch that has other calls.
Maybe<std::vector<Piece>> marginal(const record::Meter& meter,
                                   const std::vector<EnergySample>& samples, EnergyUnit unit) {
  std::vector<Pair> pairs;
  std::map<const EnergySample*, double> uses;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    Pair pair{&samples[i], &samples[i - 1]};
    if (pair.more->launch != pair.fewer->launch || pair.more->calls == pair.fewer->calls) continue;
    if (pair.fewer->calls > pair.more->calls) std::swap(pair.fewer, pair.more);
    if (!pair.fewer->joules || !pair.more->joules ||
        !(units_of(*pair.more, unit) > units_of(*pair.fewer, unit)))
      continue;
    pairs.push_back(pair);
    ++uses[pair.more];
    ++uses[pair.fewer];
  }
  std::vector<Piece> pieces;
  for (const auto& [more, fewer] : pairs) {
    // A window of two pairs has the same sign in both: its error counts twice in their sum.
    const double error = std::hypot(own_error_of(meter, *more) * std::sqrt(uses[more]),
                                    own_error_of(meter, *fewer) * std::sqrt(uses[fewer]));
    const double step = std::max(0.0, step_error_of(meter, *more) - step_error_of(meter, *fewer));
    pieces.push_back({*more->joules - *fewer->joules, error,
                      units_of(*more, unit) - units_of(*fewer, unit), more->launch, step, 0});
  }
  if (pieces.empty()) return Absent{"no two windows of different calls have joules"};
  return pieces;
}

Maybe<std::vector<Piece>> pieces_of(const record::Meter& meter,
                                    const std::vector<EnergySample>& samples, EnergyUnit unit,
                                    Joules joules) {
  switch (joules) {
    case Joules::idle:
      return above_idle(meter, samples, unit);
    case Joules::marginal:
      return marginal(meter, samples, unit);
    case Joules::gross:
      break;
  }
  return gross(meter, samples, unit);
}

/// Of windows too few for order statistics, Student's; of each launch, where there are some.
Interval spread_of(const std::vector<Piece>& pieces) {
  std::map<int, std::vector<double>> by_launch;
  for (const Piece& piece : pieces) by_launch[piece.launch].push_back(piece.joules / piece.units);
  std::vector<std::vector<double>> launches;
  for (const auto& [launch, values] : by_launch) launches.push_back(values);
  if (const auto interval = stats::launch_interval(launches)) return interval->interval;
  Interval hull{launches.front().front(), launches.front().front()};
  for (const auto& values : launches) {
    const Interval own =
        values.size() > 1 ? student_interval(values) : Interval{values.front(), values.front()};
    hull = {std::min(hull.low, own.low), std::max(hull.high, own.high)};
  }
  return hull;
}

std::string too_uncertain(const Estimate& figure, double most) {
  return fmt::format("known to {} only; wanted: {:.3g}%", spread(figure), 100 * most);
}

}  // namespace

Derived energy_per(const record::Document& document, const record::Row& row, EnergyUnit unit,
                   const EnergyOptions& options) {
  const auto absent = [](std::string reason) { return Derived{Absent{std::move(reason)}, {}}; };
  if (const auto why = without_figures(row)) return absent(*why);
  if (!row.energy) return absent(row.energy.reason());
  const record::Meter* meter = meter_of(document, row);
  if (!meter) return absent("the record does not describe the meter '" + row.energy->meter + "'");
  if (const auto why = why_not_covered(document, row)) return absent(*why);
  const auto pieces = pieces_of(*meter, row.energy->samples, unit, options.joules);
  if (!pieces) return absent(pieces.reason());
  double joules = 0, variance = 0, steps = 0, idle = 0, units = 0;
  for (const Piece& piece : *pieces) {
    joules += piece.joules;
    variance += piece.error * piece.error;
    steps += piece.step_error;
    idle += piece.idle_error;
    units += piece.units;
  }
  const double error = std::hypot(std::sqrt(variance), steps, idle) / units;
  Estimate figure = holding(joules / units, spread_of(*pieces));
  if (!(figure.value > 0))
    return absent(options.joules == Joules::gross ? "the meter counted no joules"
                                                  : "no more than at idle, or for fewer calls");
  // A factor either way: for a sensor's few percent the same as adding them, and for a model that
  // may be three times off it does not reach below nothing.
  const double calibration = 1 + meter->relative_uncertainty;
  figure.low = std::max(0.0, std::min(figure.low, figure.value - error)) / calibration;
  figure.high = std::max(figure.high, figure.value + error) * calibration;
  if (options.most_uncertainty && (figure.high / figure.value - 1 > *options.most_uncertainty ||
                                   1 - figure.low / figure.value > *options.most_uncertainty))
    return absent(too_uncertain(figure, *options.most_uncertainty));
  return {figure, {{"meter " + meter->id, 1 / calibration, calibration}}};
}

const record::Meter* meter_of(const record::Document& document, const record::Row& row) {
  return row.energy ? record::find_meter(document, row.energy->meter) : nullptr;
}

bool is_evidence(const record::Meter& meter) {
  return meter.provenance == "counter" || meter.provenance == "sampled";
}

std::string_view name(Joules joules) noexcept {
  for (const auto& [entry, text] : names)
    if (entry == joules) return text;
  return {};
}

std::optional<Joules> joules_from_name(std::string_view text) noexcept {
  for (const auto& [entry, entry_text] : names)
    if (entry_text == text) return entry;
  return std::nullopt;
}

std::optional<Residual> residual(const std::vector<const record::Row*>& rows,
                                 std::string_view primary, std::string_view other) {
  std::vector<double> ratios;
  for (const record::Row* row : rows) {
    if (!row->energy || row->energy->meter != primary) continue;
    for (const record::Energy& extra : row->extra_meters) {
      if (extra.meter != other) continue;
      for (const EnergySample& a : row->energy->samples)
        for (const EnergySample& b : extra.samples)
          if (a.launch == b.launch && a.start_seconds == b.start_seconds && a.joules && b.joules &&
              *a.joules > 0 && *b.joules > 0)
            ratios.push_back(*b.joules / *a.joules);
    }
  }
  if (ratios.empty()) return std::nullopt;
  const auto [low, high] = std::ranges::minmax(ratios);
  return Residual{stats::median(ratios), low, high, ratios.size()};
}

}  // namespace ergon::report
