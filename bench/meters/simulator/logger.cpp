#include "bench/meters/simulator/logger.h"

#include <cmath>
#include <ctime>

#include <fmt/format.h>

namespace ergon::simulator {
namespace {

constexpr double most_offset_seconds = 30;
constexpr double most_drift = 100e-6;
constexpr double fast = 10e-3;
constexpr double lost_share = 0.1;
constexpr double sentinel = 4294967.295;
constexpr double jump_joules = 5e5;

struct FaultWords {
  LogFault fault;
  std::string_view name;
  std::vector<std::string> words;
};

const std::vector<FaultWords>& table() {
  static const std::vector<FaultWords> words = {
      {LogFault::none, "none", {}},
      {LogFault::lost, "lost readings", {"too sparse", "cannot align"}},
      {LogFault::gap, "a gap", {"too sparse", "gap"}},
      {LogFault::late_stamps, "late stamps", {"scatter"}},
      {LogFault::steps_back, "its clock set back", {"cannot align", "enclose"}},
      {LogFault::steps_ahead,
       "its clock set ahead",
       {"cannot align", "too sparse", "repeats", "stands still"}},
      {LogFault::runs_fast, "its clock 1 % fast", {"cannot align"}},
      {LogFault::stands_still,
       "stands still",
       {"repeats", "stands still", "jumps", "cannot align"}},
      {LogFault::freezes, "freezes", {"cannot align", "repeats", "stands still", "too sparse"}},
      {LogFault::sentinel,
       "a sentinel",
       {"sentinel", "more than any machine", "jumps", "backwards"}},
      {LogFault::starts_anew, "starts anew", {"backwards", "cannot align"}},
      {LogFault::jumps_ahead, "jumps ahead", {"jumps", "cannot align"}},
      {LogFault::ends_early, "ends early", {"cannot align", "enclose"}},
      {LogFault::begins_late, "begins late", {"cannot align", "enclose"}},
      {LogFault::another_run, "another run's", {"cannot align"}},
      {LogFault::another_machine, "an idle machine's", {"cannot align"}},
  };
  return words;
}

std::string stamp_of(const LoggerTraits& traits, double seconds) {
  if (traits.stamps != Stamps::iso) return fmt::format("{:.{}f}", seconds, traits.stamp_decimals);
  const double unit = std::pow(10.0, -traits.stamp_decimals);
  const double rounded = std::round(seconds / unit) * unit + unit / 10;
  const auto whole = static_cast<std::time_t>(std::floor(rounded));
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  if (traits.stamp_decimals == 0) return fmt::format("{}Z", text);
  const std::string fraction =
      fmt::format("{:.{}f}", rounded - static_cast<double>(whole), traits.stamp_decimals);
  return fmt::format("{}{}Z", text, fraction.substr(1));
}

/// A standard normal number (Box and Muller 1958).
double normal(Draw& draw) {
  constexpr double two_pi = 6.283185307179586;
  return std::sqrt(-2 * std::log(draw.between(1e-12, 1))) * std::cos(draw.between(0, two_pi));
}

class Logger {
 public:
  Logger(const LoggerTraits& traits, Machine& machine, LogFault fault, const LogTimes& times,
         Draw& draw)
      : traits_(traits), machine_(machine), fault_(fault), times_(times), draw_(draw) {
    offset_ = traits.stamps == Stamps::own_seconds
                  ? -times.from_seconds
                  : utc_at_zero + draw.between(-most_offset_seconds, most_offset_seconds);
    drift_ = draw.between(-most_drift, most_drift);
    if (fault == LogFault::runs_fast) drift_ = fast;
    start_joules_ = traits.counts ? draw.between(0, 1e5) : 0;
  }

  std::string text() {
    std::string out = fmt::format("time,{}\n", traits_.heading);
    const double phase = draw_.between(0, traits_.period_seconds);
    for (int i = 0;; ++i) {
      const double due = times_.from_seconds + phase + i * traits_.period_seconds;
      if (due + traits_.jitter_seconds >= times_.to_seconds) break;
      const double taken = due + draw_.between(0, traits_.jitter_seconds);
      const double value = shown(taken);
      double stamped = taken;
      if (fault_ == LogFault::late_stamps) stamped += draw_.between(0, traits_.period_seconds / 4);
      if (fault_ == LogFault::lost && draw_.between(0, 1) < lost_share) continue;
      if (fault_ == LogFault::gap && within_fault(taken)) continue;
      out += fmt::format("{},{:.{}f}\n", stamp_of(traits_, on_its_clock(stamped)),
                         value / traits_.si, traits_.decimals);
    }
    return out;
  }

 private:
  bool broken(double seconds) const { return seconds >= times_.fault_seconds; }
  bool within_fault(double seconds) const {
    return broken(seconds) && seconds < times_.fault_seconds + times_.fault_lasts_seconds;
  }

  double on_its_clock(double seconds) const {
    double set = 0;
    if (broken(seconds) && fault_ == LogFault::steps_back) set = -times_.fault_lasts_seconds;
    if (broken(seconds) && fault_ == LogFault::steps_ahead) set = times_.fault_lasts_seconds;
    return seconds + offset_ + drift_ * (seconds - times_.from_seconds) + set;
  }

  double true_value(double seconds) {
    const double told = seconds - traits_.lag_seconds;
    if (traits_.counts) {
      const double update = traits_.update_seconds;
      return start_joules_ +
             machine_.joules(update > 0 ? std::floor(told / update) * update : told);
    }
    const double mean =
        (machine_.joules(told) - machine_.joules(told - traits_.averaging_seconds)) /
        traits_.averaging_seconds;
    return std::max(0.0, mean + traits_.noise_watts * normal(draw_));
  }

  double shown(double seconds) {
    double value = true_value(seconds);
    if (broken(seconds) && fault_ == LogFault::starts_anew)
      value -= start_joules_ + machine_.joules(times_.fault_seconds - traits_.lag_seconds);
    if (broken(seconds) && fault_ == LogFault::jumps_ahead) value += jump_joules;
    const double steps = value / traits_.quantum;
    value = (traits_.counts ? std::floor(steps) : std::round(steps)) * traits_.quantum;
    const bool still = (fault_ == LogFault::freezes && broken(seconds)) ||
                       (fault_ == LogFault::stands_still && within_fault(seconds));
    if (!still) last_ = value;
    if (fault_ == LogFault::sentinel && broken(seconds) && !shown_sentinel_) {
      shown_sentinel_ = true;
      return sentinel;
    }
    return last_;
  }

  const LoggerTraits& traits_;
  Machine& machine_;
  LogFault fault_;
  LogTimes times_;
  Draw& draw_;
  double offset_ = 0, drift_ = 0;
  double start_joules_ = 0;
  double last_ = 0;
  bool shown_sentinel_ = false;
};

}  // namespace

std::string_view name(LogFault fault) noexcept {
  for (const FaultWords& words : table())
    if (words.fault == fault) return words.name;
  return {};
}

std::vector<LogFault> log_faults() {
  std::vector<LogFault> out;
  for (const FaultWords& words : table()) out.push_back(words.fault);
  return out;
}

std::vector<std::string> expected_reason(LogFault fault) {
  for (const FaultWords& words : table())
    if (words.fault == fault) return words.words;
  return {};
}

bool applies(LogFault fault, const LoggerTraits& traits) noexcept {
  return traits.counts || (fault != LogFault::starts_anew && fault != LogFault::jumps_ahead);
}

const std::vector<LoggerTraits>& loggers() {
  constexpr double watt_hour = 3600;
  //  name, heading, si, counts, decimals, quantum,
  //  period, jitter, averaging, update, lag, noise, stamps
  static const std::vector<LoggerTraits> all = {
      {"plug's watts, 1 s", "power_W", 1, false, 1, 0.1,  //
       1, 20e-3, 1, 0, 0.1, 0.2, Stamps::iso, 3},
      {"plug's Wh, 1 s", "energy [Wh]", watt_hour, true, 3, 3.6,  //
       1, 20e-3, 0, 0.1, 0.1, 0, Stamps::iso, 3},
      {"IPMI's watts, 1 s", "watts", 1, false, 0, 1,  //
       1, 50e-3, 0.5, 0, 0.3, 1, Stamps::epoch_seconds, 2},
      {"Redfish's watts, 2 s", "Power (W)", 1, false, 0, 1,  //
       2, 50e-3, 2, 0, 0.2, 1, Stamps::iso, 0},
      {"PDU's kWh, 5 s", "kWh", 1000 * watt_hour, true, 5, 36,  //
       5, 50e-3, 0, 1, 0.5, 0, Stamps::iso, 0},
      {"analyser's watts, 20 Hz", "Power [W]", 1, false, 3, 1e-3,  //
       50e-3, 0, 50e-3, 0, 0, 20e-3, Stamps::own_seconds, 3},
      {"analyser's joules, 10 Hz", "E [J]", 1, true, 3, 1e-3,  //
       0.1, 0, 0, 0, 0, 0, Stamps::own_seconds, 3},
  };
  return all;
}

std::string write_log(const LoggerTraits& traits, Machine& machine, LogFault fault,
                      const LogTimes& times, Draw& draw) {
  return Logger(traits, machine, fault, times, draw).text();
}

}  // namespace ergon::simulator
