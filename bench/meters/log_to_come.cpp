#include "bench/meters/log_to_come.h"

#include <memory>
#include <utility>

#include "bench/meters/key_values.h"
#include "bench/meters/words.h"

namespace ergon {
namespace {

constexpr double least_period_seconds = 1e-4;
constexpr double longest_period_seconds = 60;

class LogToComeMeter final : public Meter {
 public:
  LogToComeMeter(MeterInfo info, Clock& clock) : info_(std::move(info)), clock_(clock) {}
  const MeterInfo& info() const noexcept override { return info_; }
  Reading read() override {
    return {clock_.now_seconds(), 0, "to be attached: `ergon energy attach`", 0};
  }

 private:
  MeterInfo info_;
  Clock& clock_;
};

}  // namespace

Maybe<LogToCome> parse_log_to_come(std::string_view text) {
  const auto words = split_words(text);
  if (!words) return Absent{words.reason()};
  LogToCome log;
  for (const std::string& word : *words) {
    const std::string_view view = word;
    std::string fault;
    if (view.starts_with("period=")) {
      log.period_seconds = number_within("period", view.substr(7), least_period_seconds,
                                         longest_period_seconds, fault);
    } else if (view.starts_with("scope=")) {
      const auto scope = scope_from_name(view.substr(6));
      if (!scope) fault = word + " is none of core, package, package+dram, board, node, wall";
      log.scope = scope.value_or(Scope::wall);
    } else {
      fault = "'" + word + "' is neither period= nor scope=";
    }
    if (!fault.empty()) return Absent{fault};
  }
  return log;
}

Probes probe_log(const MeterContext& context) {
  if (!context.log) return one(Unavailable{log_to_come_id, "no --meter log given", ""});
  const auto log = parse_log_to_come(*context.log);
  if (!log) return one(Unavailable{log_to_come_id, log.reason(), ""});
  MeterInfo info;
  info.id = log_to_come_id;
  info.about = "a log that is to be attached to this record";
  info.part = Part::machine;
  info.scope = log->scope;
  info.provenance = Provenance::sampled;
  info.quantity = Quantity::watts;
  info.quantum_joules = Absent{"a log of watts"};
  info.quantum_watts = Absent{"not known before the log is attached"};
  info.period_seconds = log->period_seconds;
  // What writes logs shows means over its period, or less.
  info.averaging_seconds = log->period_seconds;
  info.read_seconds = 1e-9;
  return one(std::make_unique<LogToComeMeter>(std::move(info), *context.clock));
}

}  // namespace ergon
