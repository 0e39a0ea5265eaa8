// Joules from the readings of a cumulative counter.
#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "bench/meters/integrate_parts.h"
#include "bench/meters/median.h"
#include "bench/meters/plausible.h"

namespace ergon::integration {
namespace {

/// A counter stands still where more than this many quanta were due.
constexpr double due_quanta = 4;
/// Power may be so much less than the window's, in it and after it.
constexpr double least_share_inside = 0.5;
constexpr double least_share_after = 0.05;
/// Steps are followed from so many on, and where readings are this much denser than they are.
constexpr std::size_t least_steps = 5;
constexpr double readings_per_step = 3;
/// A step that comes this much later than the median one is missing.
constexpr double missing_steps = 3.5;

struct Counter {
  double quantum_joules;
  double period_seconds;
  double jitter_seconds;
  double trailing_seconds;
  double clock_error_seconds;
  bool readings_are_steps;
  Maybe<double> range_joules;
  double most_watts;
};

/// What the counter gained from one reading to the next, or why that cannot be known.
Maybe<double> gain(const Counter& counter, const Reading& from, const Reading& to) {
  const double apart = seconds_between(from, to);
  if (counter.range_joules && apart * counter.most_watts > *counter.range_joules)
    return Absent{
        fmt::format("readings lie {:.3g} s apart, in which the counter may wrap more than "
                    "once (its range is {:.4g} J)",
                    apart, *counter.range_joules)};
  double joules = to.value - from.value;
  if (joules < 0 && !counter.range_joules)
    return Absent{
        fmt::format("the counter goes backwards by {:.4g} J and has no known range", -joules)};
  if (joules < 0) joules += *counter.range_joules;
  if (joules < 0) return Absent{"the counter goes backwards by more than its range"};
  const double most = counter.most_watts * (apart + 2 * counter.period_seconds);
  if (joules > most + 2 * counter.quantum_joules)
    return Absent{
        fmt::format("the counter jumps by {:.4g} J within {:.3g} s, more than any machine "
                    "draws: it was reset, or is no counter",
                    joules, apart)};
  return joules;
}

/// The readings with values that start at 0 and never fall.
Maybe<Trace> unwrapped(const Counter& counter, Readings readings) {
  Trace rising(readings.begin(), readings.end());
  rising.front().value = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    const auto joules = gain(counter, readings[i - 1], readings[i]);
    if (!joules) return Absent{joules.reason()};
    rising[i].value = rising[i - 1].value + *joules;
  }
  return rising;
}

std::string stood_still(double seconds) {
  return fmt::format("the counter stands still for {:.3g} s while it should move", seconds);
}

/// Empty, or for how long the counter stood still while it should have moved. `after` continues the
/// last reading, for as long as that is repeated.
std::string standstill(const MeterInfo& meter, const Trace& rising, Readings inside,
                       Readings after) {
  const double longest = longest_still_seconds(meter);
  double still_after = 0;
  for (const Reading& reading : after) {
    if (!reading.invalid.empty() || reading.value != inside.back().value) break;
    still_after = seconds_between(inside.back(), reading);
  }
  std::size_t first = 0;
  for (std::size_t i = 1; i < rising.size(); ++i) {
    if (rising[i].value != rising[first].value) first = i;
    const double still = seconds_between(rising[first], rising[i]) - rising[first].slack_seconds -
                         rising[i].slack_seconds;
    const double behind = i + 1 == rising.size() ? still_after : 0;
    const double moving = seconds_between(rising.front(), rising.back()) - still;
    const double watts =
        std::max(moving > 0 ? rising.back().value / moving : 0, least_watts / least_share_after);
    const double due = watts * (least_share_inside * still + least_share_after * behind);
    if (still + behind > longest && due > due_quanta * *meter.quantum_joules)
      return stood_still(still + behind);
  }
  return {};
}

/// The counter moved between two readings, and showed `joules` from then on.
struct Step {
  double seconds = 0;
  double width_seconds = 0;  // within which it moved
  double joules = 0;
};

/// Those that lie in the window for certain.
std::vector<Step> steps_within(const MeterInfo& meter, const Trace& rising, Window window) {
  std::vector<Step> steps;
  const double margin = meter.clock_error_seconds;
  for (std::size_t i = 1; i < rising.size(); ++i) {
    const Reading& before = rising[i - 1];
    const Reading& after = rising[i];
    if (after.value == before.value) continue;
    const Step step =
        meter.readings_are_steps
            ? Step{after.seconds, 2 * after.slack_seconds, after.value}
            : Step{(before.seconds + after.seconds) / 2,
                   seconds_between(before, after) + before.slack_seconds + after.slack_seconds,
                   after.value};
    if (step.seconds >= window.start_seconds + margin &&
        step.seconds <= window.end_seconds - margin)
      steps.push_back(step);
  }
  return steps;
}

/// The steps, where readings are dense enough for each to be seen.
std::vector<Step> followed_steps(const MeterInfo& meter, const Trace& rising, Window window) {
  std::vector<Step> steps = steps_within(meter, rising, window);
  if (steps.size() < least_steps) return {};
  if (meter.readings_are_steps) return steps;
  std::vector<double> apart, widths;
  for (std::size_t i = 1; i < steps.size(); ++i)
    apart.push_back(steps[i].seconds - steps[i - 1].seconds);
  for (const Step& step : steps) widths.push_back(step.width_seconds);
  if (median_of(widths) * readings_per_step > median_of(apart)) return {};
  return steps;
}

/// Half a squared difference of the powers between neighbouring steps, less what not knowing when
/// they came adds to it, where that is so much for certain: stamps are off by so much at most.
double scatter_watts(const Counter& counter, const std::vector<Step>& steps) {
  double sum = 0;
  double timing = 0;
  std::size_t count = 0;
  std::optional<double> last;
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const double apart = steps[i].seconds - steps[i - 1].seconds;
    if (apart <= 0) continue;
    const double watts = (steps[i].joules - steps[i - 1].joules) / apart;
    if (!counter.readings_are_steps)
      timing += square(watts / apart) * (uniform_variance(steps[i].width_seconds) +
                                         uniform_variance(steps[i - 1].width_seconds));
    if (last) {
      sum += square(watts - *last) / 2;
      ++count;
    }
    last = watts;
  }
  if (count == 0) return 0;
  return student_widening(count + 1) *
         std::sqrt(std::max(
             0.0, sum / static_cast<double>(count) - timing / static_cast<double>(count + 1)));
}

/// Empty, or for how long there is no step though the readings would show it.
std::string missing_step(const Counter& counter, const std::vector<Step>& steps, Window window) {
  std::vector<double> apart;
  for (std::size_t i = 1; i < steps.size(); ++i)
    apart.push_back(steps[i].seconds - steps[i - 1].seconds);
  const double longest = missing_steps * median_of(apart) + 3 * counter.jitter_seconds;
  for (std::size_t i = 1; i < steps.size(); ++i)
    if (apart[i - 1] > longest + steps[i].width_seconds + steps[i - 1].width_seconds)
      return stood_still(apart[i - 1]);
  const double rest = std::max(steps.front().seconds - window.start_seconds,
                               window.end_seconds - steps.back().seconds);
  if (rest > longest + steps.front().width_seconds + steps.back().width_seconds)
    return stood_still(rest);
  return {};
}

/// Empty, or where the window lacks the readings that would show steps.
std::string missing_reading(const std::vector<Step>& steps, Window window) {
  const double before = steps.front().seconds - window.start_seconds;
  const double behind = window.end_seconds - steps.back().seconds;
  if (before + behind <= largest_gap * duration(window)) return {};
  return fmt::format(
      "too sparse: the nearest readings lie {:.3g} s and {:.3g} s from the ends of a window of "
      "{:.3g} s",
      before, behind, duration(window));
}

/// Between the first and the last step, and what remains at both ends by the power near them.
Maybe<Joules> between_steps(const Counter& counter, const std::vector<Step>& steps, Window window) {
  const Step& first = steps.front();
  const Step& last = steps.back();
  const double before = first.seconds - window.start_seconds;
  const double behind = window.end_seconds - last.seconds;
  const std::size_t near = std::max<std::size_t>(2, steps.size() / 4);
  const Step& early = steps[near];
  const Step& late = steps[steps.size() - 1 - near];
  const double early_seconds = early.seconds - first.seconds;
  const double late_seconds = last.seconds - late.seconds;
  const double early_watts = (early.joules - first.joules) / early_seconds;
  const double late_watts = (last.joules - late.joules) / late_seconds;
  Joules joules{last.joules - first.joules + before * early_watts + behind * late_watts, 0};
  if (!(joules.value > 0)) return Absent{"the window is too short for the counter to move"};
  const double watts = joules.value / duration(window);
  const double scatter = scatter_watts(counter, steps);
  double variance =
      2 * uniform_variance(std::min(counter.quantum_joules, watts * counter.period_seconds));
  // Power that scatters between steps does so in the rest, which is shorter, by the root of that
  // more; and it is only as well known as its steps are many.
  const double step_seconds =
      (last.seconds - first.seconds) / static_cast<double>(steps.size() - 1);
  const auto add_end = [&](double end_watts, const Step& step, double rest, double base_seconds) {
    const double timing = square(end_watts) * uniform_variance(step.width_seconds);
    variance +=
        timing * (1 + 2 * square(rest / base_seconds)) +
        square(scatter) * rest * (std::max(rest, step_seconds) + rest / static_cast<double>(near));
  };
  add_end(early_watts, first, before, early_seconds);
  add_end(late_watts, last, behind, late_seconds);
  joules.error = coverage_factor * std::sqrt(variance);
  return joules;
}

/// The counter's value at one end of the window.
struct End {
  double joules = 0;
  double watts = 0;          // between the enclosing readings, over at least one period
  double gap_seconds = 0;    // to the nearest reading
  double apart_seconds = 0;  // the enclosing readings
  double slack_seconds = 0;
};

End end_at(const Counter& counter, const Trace& rising, double seconds) {
  std::size_t pair = 0;
  while (pair + 2 < rising.size() && rising[pair + 1].seconds <= seconds) ++pair;
  const Reading& before = rising[pair];
  const Reading& after = rising[pair + 1];
  const double apart = seconds_between(before, after);
  if (apart <= 0) return {after.value, 0, 0, 0, after.slack_seconds};
  const double share = (seconds - before.seconds) / apart;
  const double joules = after.value - before.value;
  const Reading& nearest = share < 0.5 ? before : after;
  return {before.value + joules * share, joules / std::max(apart, counter.period_seconds),
          std::min(share, 1 - share) * apart, apart, nearest.slack_seconds};
}

Maybe<Joules> between_ends(const Counter& counter, const Trace& rising, Window window) {
  const End start = end_at(counter, rising, window.start_seconds);
  const End end = end_at(counter, rising, window.end_seconds);
  if (start.gap_seconds + end.gap_seconds > largest_gap * duration(window))
    return Absent{
        fmt::format("too sparse: the nearest readings lie {:.3g} s and {:.3g} s from the "
                    "ends of a window of {:.3g} s",
                    start.gap_seconds, end.gap_seconds, duration(window))};
  const double widest = std::max(start.apart_seconds, end.apart_seconds);
  if (counter.readings_are_steps && widest > missing_steps * counter.period_seconds)
    return Absent{
        fmt::format("too sparse: readings lie {:.3g} s apart at an end of the window", widest)};
  Joules joules{end.joules - start.joules, 0};
  if (joules.value <= 0) return Absent{"the window is too short for the counter to move"};
  const double watts = joules.value / duration(window);
  double variance = 0;
  for (const End& side : {start, end})
    variance += uniform_variance(counter.quantum_joules) +
                square(watts) * (uniform_variance(counter.period_seconds) +
                                 uniform_variance(counter.jitter_seconds) +
                                 uniform_variance(2 * side.slack_seconds) +
                                 uniform_variance(2 * counter.clock_error_seconds)) +
                uniform_variance(2 * std::max(watts, side.watts) * side.gap_seconds);
  // Shown at the start, but drawn before the window: by a power that may be none, or twice its own.
  variance +=
      uniform_variance(2 * watts * std::max(0.0, counter.trailing_seconds - window.lead_seconds));
  joules.error = coverage_factor * std::sqrt(variance);
  return joules;
}

}  // namespace

double seconds_to_tell_broken(const MeterInfo& meter, double watts) {
  const double due = due_quanta * meter.quantum_joules.value_or(0) / least_share_after;
  return longest_still_seconds(meter) + due / std::max(watts, least_watts / least_share_after);
}

Maybe<Joules> of_counter(const MeterInfo& meter, Readings inside, Readings after, Window window) {
  if (!meter.quantum_joules || !meter.period_seconds)
    return Absent{"the counter's quantum and period are not known, so neither is its error"};
  const double trailing = *meter.period_seconds + meter.jitter_seconds + meter.lag_seconds;
  const Counter counter{*meter.quantum_joules,      *meter.period_seconds,
                        meter.jitter_seconds,       trailing,
                        meter.clock_error_seconds,  meter.readings_are_steps,
                        meter.counter_range_joules, most_watts(meter.scope)};
  const auto rising = unwrapped(counter, inside);
  if (!rising) return Absent{rising.reason()};
  if (std::string still = standstill(meter, *rising, inside, after); !still.empty())
    return Absent{still};
  // Without a lead the first steps show what was drawn before the window.
  const Window alone{
      window.start_seconds + std::max(0.0, counter.trailing_seconds - window.lead_seconds),
      window.end_seconds, 0};
  const auto steps = followed_steps(meter, *rising, alone);
  if (steps.empty()) return between_ends(counter, *rising, window);
  const std::string missing = meter.readings_are_steps ? missing_reading(steps, window)
                                                       : missing_step(counter, steps, window);
  if (!missing.empty()) return Absent{missing};
  return between_steps(counter, steps, window);
}

}  // namespace ergon::integration
