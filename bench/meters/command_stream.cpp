#include "bench/meters/command_stream.h"

#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/child.h"

namespace ergon {
namespace {

constexpr double look_seconds = 0.1;
constexpr double last_words_seconds = 0.5;
constexpr std::size_t most_line = 1 << 16;
constexpr std::size_t most_first_values = 1000;
/// What prints more takes the processor from what is measured.
constexpr double most_lines_per_second = 1000;
constexpr double most_lines_at_once = 10000;

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

}  // namespace

struct CommandStream::State {
  State(const CommandSpec& its_spec, Clock& its_clock) : spec(its_spec), clock(its_clock) {}

  void follow(const std::stop_token& stopping) {
    const std::string name = excerpt(spec.program.front());
    std::string pending;
    const auto begun = std::chrono::steady_clock::now();
    while (!stopping.stop_requested()) {
      const auto got = child->read(pending, look_seconds);
      take_lines(pending);
      if (pending.size() > most_line) return end("prints lines of more than 64 KiB");
      if (lines > most_lines_at_once + most_lines_per_second * seconds_since(begun))
        return end(fmt::format("prints more than {:g} lines a second", most_lines_per_second));
      if (got != Child::Got::end) continue;
      const std::string how = child->finish(last_words_seconds);
      return end(how.empty() ? name + " ended" : name + " " + how);
    }
  }

  void take_lines(std::string& pending) {
    std::size_t from = 0;
    for (std::size_t to = 0; (to = pending.find('\n', from)) != std::string::npos; from = to + 1)
      take_line(std::string_view(pending).substr(from, to - from));
    pending.erase(0, from);
  }

  /// A line without a value (a heading, an empty one) is passed over.
  void take_line(std::string_view line) {
    ++lines;
    const auto printed = find_printed(line, spec.pattern_or_none(), spec.unit);
    const std::lock_guard lock(mutex);
    const double now = clock.now_seconds();
    if (!printed) {
      if (!line.empty()) passed_over = printed.reason();
      return;
    }
    if (last && last->printed.quantity != printed->quantity) ended = "mixes watts and joules";
    last = Value{now, *printed};
    if (values.size() < most_first_values) values.push_back(*last);
  }

  void end(std::string why) {
    const std::lock_guard lock(mutex);
    ended = std::move(why);
  }

  const CommandSpec spec;
  Clock& clock;
  double started_seconds = 0;
  double lines = 0;  // of the thread alone
  std::unique_ptr<Child> child;
  mutable std::mutex mutex;
  std::optional<Value> last;
  std::vector<Value> values;
  std::string passed_over;
  std::string ended;
  std::jthread thread;  // last: stops before what it uses goes
};

CommandStream::CommandStream(const CommandSpec& spec, Clock& clock)
    : state_(std::make_unique<State>(spec, clock)) {
  state_->started_seconds = clock.now_seconds();
  state_->child = Child::start(spec.program, state_->ended);
  if (state_->child)
    state_->thread = std::jthread(
        [state = state_.get()](const std::stop_token& stopping) { state->follow(stopping); });
}

CommandStream::~CommandStream() = default;

std::vector<CommandStream::Value> CommandStream::first_values() const {
  const std::lock_guard lock(state_->mutex);
  return state_->values;
}

std::string CommandStream::fault() const {
  const std::lock_guard lock(state_->mutex);
  return state_->ended;
}

Reading CommandStream::latest(double silence_seconds) const {
  const std::lock_guard lock(state_->mutex);
  const double now = state_->clock.now_seconds();
  if (!state_->ended.empty()) return {now, 0, "the stream has ended: " + state_->ended, 0};
  const double heard = state_->last ? state_->last->seconds : state_->started_seconds;
  if (!state_->last || now - heard > silence_seconds) {
    std::string why = fmt::format("the stream is silent for {:.3g} s", now - heard);
    if (!state_->passed_over.empty()) why += "; it last said: " + state_->passed_over;
    return {now, 0, why, 0};
  }
  return {heard, state_->last->printed.value, {}, 0};
}

}  // namespace ergon
