#include "bench/meters/simulator/log_coverage.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "bench/meters/simulator/logged_run.h"
#include "bench/meters/timed_log.h"

namespace ergon::simulator {
namespace {

constexpr int rows = 2;
/// Of idle time that the log shows before the run and after it, in periods.
constexpr double margin_periods = 40;

PowerCurve any_curve(const LoggerTraits& traits, Draw& draw) {
  PowerCurve curve;
  curve.idle_watts = draw.between(20, 60);
  curve.busy_watts = draw.between(90, 300);
  curve.ramp_seconds = draw.between(5e-3, 20e-3);
  curve.noise = draw.between(0, 0.03);
  curve.noise_seconds = draw.between(10e-3, 50e-3);
  curve.cell_seconds = std::min(5e-3, traits.period_seconds / 20);
  return curve;
}

/// One machine with a run on it.
struct Played {
  Played(const LoggerTraits& traits, std::uint64_t seed)
      : draw{std::mt19937_64(seed)},
        machine(any_curve(traits, draw), clock, seed * 3 + 1),
        run(run_logged(machine, traits.period_seconds, rows, margin_periods * traits.period_seconds,
                       draw)) {}

  Draw draw;
  VirtualClock clock;
  Machine machine;
  LoggedRun run;
};

/// Of a fault in the middle of a window.
LogTimes times_of(LogFault fault, const LoggerTraits& traits, const LoggedRun& run,
                  const KnownTime& window, Draw& draw) {
  const double seconds = window.end_seconds - window.start_seconds;
  const double margin = margin_periods * traits.period_seconds;
  LogTimes times{run.start_seconds - margin / 2, run.end_seconds + margin / 2,
                 window.start_seconds + seconds * draw.between(0.2, 0.4), seconds / 2};
  const double middle = (run.start_seconds + run.end_seconds) / 2;
  constexpr double still_readings = 30;
  if (fault == LogFault::stands_still)
    times.fault_lasts_seconds = still_readings * traits.period_seconds;
  if (fault == LogFault::steps_back || fault == LogFault::steps_ahead)
    times.fault_lasts_seconds = traits.period_seconds * draw.between(3, 20);
  if (fault == LogFault::ends_early) times.to_seconds = middle;
  if (fault == LogFault::begins_late) times.from_seconds = middle;
  return times;
}

/// On the clock of records.
std::vector<KnownTime> utc(std::vector<KnownTime> times) {
  for (KnownTime& time : times) {
    time.start_seconds += utc_at_zero;
    time.end_seconds += utc_at_zero;
  }
  return times;
}

bool is_of_another(LogFault fault) {
  return fault == LogFault::another_run || fault == LogFault::another_machine;
}

/// The log of the machine that the fault says.
std::string log_of(const LoggerTraits& traits, LogFault fault, Played& played,
                   const LogTimes& times, std::uint64_t seed) {
  if (!is_of_another(fault)) return write_log(traits, played.machine, fault, times, played.draw);
  const std::uint64_t another = seed + 500;
  if (fault == LogFault::another_machine) {
    Draw draw{std::mt19937_64(another)};
    VirtualClock clock;
    Machine machine(any_curve(traits, draw), clock, another);
    clock.sleep_until(times.to_seconds + traits.period_seconds);
    return write_log(traits, machine, LogFault::none, times, draw);
  }
  Played other(traits, another);
  const double margin = margin_periods * traits.period_seconds / 2;
  const LogTimes all{other.run.start_seconds - margin, other.run.end_seconds + margin, 0, 0};
  return write_log(traits, other.machine, LogFault::none, all, other.draw);
}

void measure(const LoggerTraits& traits, LogFault fault, std::uint64_t seed, Tallying& tallying) {
  Played played(traits, seed);
  const std::size_t counted = played.draw.random() % played.run.windows.size();
  const LogTimes times =
      times_of(fault, traits, played.run, played.run.windows[counted], played.draw);
  const std::string text = log_of(traits, fault, played, times, seed);
  const std::vector<KnownTime> known = utc(played.run.known);
  const auto log = time_log(parse_power_log(text, traits.name, {}), known, {});
  if (!log) return tallying.refuse(log.reason());
  if (is_of_another(fault)) return tallying.blame("it is attached");
  const auto joules = joules_of(*log, known, utc(played.run.windows));
  for (std::size_t i = 0; i < joules.size(); ++i) {
    const KnownTime& window = played.run.windows[i];
    const double truth =
        played.machine.joules(window.end_seconds) - played.machine.joules(window.start_seconds);
    if (i == counted)
      tallying.add(joules[i], truth);
    else if (joules[i] && Tallying::is_wrong(*joules[i], truth))
      tallying.blame(fmt::format("another window: {:.4g} J for {:.4g} J, stated to {:.2g} J",
                                 joules[i]->value, truth, joules[i]->error));
  }
}

}  // namespace

LogCoverage cover(const LoggerTraits& traits, LogFault fault, int runs, std::uint64_t seed) {
  Tallying tallying(expected_reason(fault));
  for (int run = 0; run < runs; ++run)
    measure(traits, fault, seed + 1000 * static_cast<std::uint64_t>(run + 1), tallying);
  return {tallying.tally(), traits.name, fault};
}

std::string log_coverage_table(const std::vector<LogCoverage>& cells) {
  std::string text = "| log |";
  std::string rule = "|---|";
  for (const LogFault fault : log_faults()) {
    text += fmt::format(" {} |", name(fault));
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (const LoggerTraits& traits : loggers()) {
    text += fmt::format("| {} |", traits.name);
    for (const LogFault fault : log_faults()) {
      const auto cell = std::find_if(cells.begin(), cells.end(), [&](const LogCoverage& c) {
        return c.logger == traits.name && c.fault == fault;
      });
      text += cell == cells.end() ? " |" : fmt::format(" {} |", cell_text(*cell));
    }
    text += "\n";
  }
  return text;
}

}  // namespace ergon::simulator
