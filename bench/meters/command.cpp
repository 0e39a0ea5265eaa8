// Any program that prints watts or joules, once per call or line by line: BMCs, plugs, management
// tools, lab instruments. docs/meters.md has recipes.
//
// A call's reading is of any moment within the call. A stream's is of its line's arrival; the lag
// of what prints it is not known, and adds to `average`.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/child.h"
#include "bench/meters/command_spec.h"
#include "bench/meters/command_stream.h"
#include "bench/meters/plausible.h"

namespace ergon {
namespace {

constexpr double watch_seconds = 1.5;
constexpr int most_calls = 200;
/// Changes of the value that tell its period, where `every` does not.
constexpr int least_changes = 4;
/// Changes of watts whose smallest tells the step of the sensor.
constexpr int least_noise = 16;
constexpr int calls_with_period = 3;
/// A stream is broken when it says nothing for so many periods; a call is repeated only when its
/// last answer is older than this share of a period.
constexpr double silent_periods = 5;
constexpr double fresh_share = 0.5;
constexpr double look_seconds = 5e-3;
/// What is found of a meter is kept under these words: addresses that differ at their ends differ.
constexpr std::size_t most_of_a_word = 300;

/// What the values that a program printed show of it.
struct Seen {
  double seconds = 0;
  Printed printed;
};

struct Character {
  Quantity quantity = Quantity::watts;
  double quantum = 0;  // smallest step, else the resolution of what is printed
  Maybe<double> period_seconds;
};

Character characterise(const std::vector<Seen>& seen, const CommandSpec& spec) {
  Character out;
  out.quantity = seen.back().printed.quantity;
  out.quantum = seen.back().printed.resolution;
  double smallest = 0, first_change = 0, last_change = 0;
  int changes = 0;
  for (std::size_t i = 1; i < seen.size(); ++i) {
    const double step = std::abs(seen[i].printed.value - seen[i - 1].printed.value);
    if (step == 0) continue;
    smallest = changes == 0 ? step : std::min(smallest, step);
    if (changes == 0) first_change = seen[i].seconds;
    last_change = seen[i].seconds;
    ++changes;
  }
  // A counter's steps are multiples of its own; noise steps by less only once there was enough.
  const bool counts = out.quantity == Quantity::cumulative_joules;
  if (changes >= (counts ? 1 : least_noise)) out.quantum = std::max(out.quantum, smallest);
  if (spec.every_seconds)
    out.period_seconds = *spec.every_seconds;
  else if (changes >= least_changes && last_change > first_change)
    out.period_seconds = (last_change - first_change) / (changes - 1);
  else
    out.period_seconds = Absent{
        "its value changes too seldom to tell how often it is renewed; "
        "say every=SECONDS"};
  return out;
}

/// Why what was printed at first is no sensor's; empty where it may be one.
std::string fault_of(const std::vector<Seen>& seen, Scope scope) {
  for (const Seen& one : seen) {
    if (one.printed.quantity != seen.front().printed.quantity)
      return "the program prints watts and joules by turns";
    if (one.printed.quantity != Quantity::watts) continue;
    if (std::string fault = fault_of_power(one.printed.value, scope); !fault.empty()) return fault;
  }
  return {};
}

MeterInfo describe(const std::string& id, const CommandSpec& spec, const Character& character) {
  MeterInfo info;
  info.id = id;
  info.about = "what `";
  for (std::size_t i = 0; i < spec.program.size(); ++i)
    info.about += (i == 0 ? "" : " ") + excerpt(spec.program[i], most_of_a_word);
  info.about +=
      spec.mode == CommandSpec::Mode::call ? "` prints per call" : "` prints line by line";
  if (!spec.match.empty()) info.about += ", by match=" + excerpt(spec.match, most_of_a_word);
  info.part = spec.part;
  info.scope = spec.scope;
  info.quantity = character.quantity;
  const bool watts = character.quantity == Quantity::watts;
  info.provenance = watts ? Provenance::sampled : Provenance::counter;
  info.relative_uncertainty = spec.relative_uncertainty;
  info.quantum_joules = watts ? Maybe<double>(Absent{"it prints watts"}) : character.quantum;
  info.quantum_watts = watts ? Maybe<double>(character.quantum) : Absent{"it prints joules"};
  info.period_seconds = character.period_seconds;
  info.averaging_seconds = spec.averaging_seconds;
  info.counter_range_joules = Absent{"the program does not tell its range"};
  return info;
}

struct Call {
  Maybe<Printed> printed;
  Reading reading;
  double cpu_seconds = 0;
};

Call call(const CommandSpec& spec, Clock& clock) {
  Call out;
  const double before = clock.now_seconds();
  const auto output = output_of(spec.program, spec.timeout_seconds);
  const double slack = (clock.now_seconds() - before) / 2;
  if (output) {
    out.printed = find_printed(output->text, spec.pattern_or_none(), spec.unit);
    out.cpu_seconds = output->cpu_seconds;
  } else {
    out.printed = Absent{output.reason()};
  }
  out.reading = {before + slack, out.printed ? out.printed->value : 0, out.printed.reason(), slack};
  return out;
}

class CallMeter final : public Meter {
 public:
  CallMeter(MeterInfo info, Clock& clock, CommandSpec spec)
      : info_(std::move(info)), clock_(clock), spec_(std::move(spec)) {}
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    const double fresh = fresh_share * info_.period_seconds.value_or(0);
    if (last_ && clock_.now_seconds() - last_->seconds < fresh) return *last_;
    Call now = call(spec_, clock_);
    if (now.printed && now.printed->quantity != info_.quantity)
      now.reading.invalid = "the program changed between watts and joules";
    last_ = std::move(now.reading);
    return *last_;
  }

 private:
  MeterInfo info_;
  Clock& clock_;
  CommandSpec spec_;
  std::optional<Reading> last_;
};

class StreamMeter final : public Meter {
 public:
  StreamMeter(MeterInfo info, std::unique_ptr<CommandStream> stream)
      : info_(std::move(info)), stream_(std::move(stream)) {}
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    return stream_->latest(silent_periods * info_.period_seconds.value_or(1));
  }

 private:
  MeterInfo info_;
  std::unique_ptr<CommandStream> stream_;
};

Probe open_calls(const std::string& id, const CommandSpec& spec, Clock& clock) {
  std::vector<Seen> seen;
  double cpu_seconds = 0;
  const double start = clock.now_seconds();
  const auto enough = [&] {
    const auto calls = static_cast<int>(seen.size());
    if (spec.every_seconds) return calls >= calls_with_period;
    return calls >= most_calls || (calls > 1 && clock.now_seconds() - start > watch_seconds);
  };
  while (!enough()) {
    const Call now = call(spec, clock);
    if (!now.printed) return Unavailable{id, now.printed.reason(), ""};
    seen.push_back({now.reading.seconds, *now.printed});
    cpu_seconds += now.cpu_seconds;
  }
  if (std::string fault = fault_of(seen, spec.scope); !fault.empty())
    return Unavailable{id, fault, ""};
  MeterInfo info = describe(id, spec, characterise(seen, spec));
  // While the program waits for its instrument the machine is free.
  info.read_seconds = std::max(1e-6, cpu_seconds / static_cast<double>(seen.size()));
  return std::make_unique<CallMeter>(std::move(info), clock, spec);
}

Probe open_stream(const std::string& id, const CommandSpec& spec, Clock& clock) {
  auto stream = std::make_unique<CommandStream>(spec, clock);
  const auto begun = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  std::vector<CommandStream::Value> values;
  const auto enough = [&] {
    if (values.empty()) return seconds() > spec.timeout_seconds;
    return spec.every_seconds.has_value() || static_cast<int>(values.size()) > most_calls ||
           seconds() > watch_seconds;
  };
  while (!enough() && stream->fault().empty()) {
    std::this_thread::sleep_for(std::chrono::duration<double>(look_seconds));
    values = stream->first_values();
  }
  if (const std::string fault = stream->fault(); !fault.empty()) return Unavailable{id, fault, ""};
  if (values.empty()) return Unavailable{id, stream->latest(0).invalid, ""};
  std::vector<Seen> seen;
  for (const auto& value : values) seen.push_back({value.seconds, value.printed});
  if (std::string fault = fault_of(seen, spec.scope); !fault.empty())
    return Unavailable{id, fault, ""};
  MeterInfo info = describe(id, spec, characterise(seen, spec));
  // Every line is a new value, also where it repeats the last one.
  if (!spec.every_seconds && seen.size() > 2)
    info.period_seconds =
        (seen.back().seconds - seen.front().seconds) / static_cast<double>(seen.size() - 1);
  const double before = clock.now_seconds();
  stream->latest(0);
  info.read_seconds = std::max(1e-9, clock.now_seconds() - before);
  return std::make_unique<StreamMeter>(std::move(info), std::move(stream));
}

}  // namespace

Probes probe_command(const MeterContext& context) {
  if (context.commands.empty())
    return one(Unavailable{"command", "no --meter command:PROGRAM given", ""});
  Probes probes;
  const std::vector<std::string> ids = command_ids(context.commands);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto spec = parse_command_spec(context.commands[i]);
    if (!spec)
      probes.emplace_back(Unavailable{ids[i], spec.reason(), ""});
    else if (spec->mode == CommandSpec::Mode::stream)
      probes.push_back(open_stream(ids[i], *spec, *context.clock));
    else
      probes.push_back(open_calls(ids[i], *spec, *context.clock));
  }
  return probes;
}

}  // namespace ergon
