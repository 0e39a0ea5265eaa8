#include "bench/meters/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/child_groups.h"
#include "bench/meters/printed.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace ergon {
namespace {

constexpr std::size_t most_output = 1 << 20;
constexpr std::size_t most_errors = 1 << 12;
constexpr double least_look_seconds = 1e-3;
constexpr double longest_look_seconds = 50e-3;

double real_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The actions and attributes of posix_spawn, given back whatever happens.
class Preparation {
 public:
  Preparation(int out, int err) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&standard, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &standard);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  /// 0 or an errno.
  int spawn(pid_t& pid, const std::vector<std::string>& program) const {
    std::vector<std::string> words = program;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    return posix_spawnp(&pid, arguments.front(), &actions_, &attributes_, arguments.data(),
                        environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

void close_if_open(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// True where `descriptor` has no more to give.
bool take(int descriptor, std::string& to) {
  char piece[4096];
  const ssize_t got = ::read(descriptor, piece, sizeof piece);
  if (got > 0) to.append(piece, static_cast<std::size_t>(got));
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace

std::unique_ptr<Child> Child::start(const std::vector<std::string>& program, std::string& why_not) {
  std::unique_ptr<Child> child(new Child);
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  const bool piped = pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0;
  child->out_ = out[0];
  child->err_ = err[0];
  int error = piped ? 0 : errno;
  if (piped) {
    for (const int end : {out[0], err[0]}) fcntl(end, F_SETFL, O_NONBLOCK);
    error = Preparation(out[1], err[1]).spawn(child->pid_, program);
  }
  close_if_open(out[1]);
  close_if_open(err[1]);
  if (error == 0) {
    remember_group(child->pid_);
    return child;
  }
  child->pid_ = -1;
  why_not = fmt::format("cannot start {}: {}", excerpt(program.front()), std::strerror(error));
  return nullptr;
}

Child::~Child() {
  if (pid_ > 0) finish(0);
  close_if_open(out_);
  close_if_open(err_);
}

void Child::drain_errors() {
  if (err_ < 0) return;
  if (take(err_, errors_)) close_if_open(err_);
  if (errors_.size() > most_errors) errors_.resize(most_errors);  // the cause comes first
}

Child::Got Child::read(std::string& text, double seconds) {
  if (out_ended_) return Got::end;
  const double until = real_seconds() + seconds;
  const std::size_t before = text.size();
  for (bool first = true;; first = false) {
    const double left = until - real_seconds();
    if (left <= 0 && !first) return Got::nothing;
    pollfd pipes[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    poll(pipes, err_ >= 0 ? 2 : 1, static_cast<int>(std::clamp(left, 0.0, 1e6) * 1e3));
    if (pipes[1].revents != 0) drain_errors();
    if (pipes[0].revents == 0) continue;
    out_ended_ = take(out_, text);
    if (text.size() > before) return Got::text;
    if (out_ended_) return Got::end;
  }
}

std::string Child::finish(double seconds) {
  const double until = real_seconds() + seconds;
  double look = least_look_seconds;
  bool killed = false;
  const auto has_ended = [&] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid_;
  };
  while (!has_ended()) {
    drain_errors();
    if (real_seconds() >= until) {
      killed = true;
      break;
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(look));
    look = std::min(2 * look, longest_look_seconds);
  }
  drain_errors();
  // What it has started itself goes with it. Before it is waited for: its number is still its own.
  kill(-pid_, SIGKILL);
  forget_group(pid_);
  int status = 0;
  rusage used{};
  while (wait4(pid_, &status, 0, &used) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  cpu_seconds_ = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  if (killed) return "did not end and was killed";
  const std::string said = errors_.empty() ? "" : ": " + excerpt(errors_);
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}{}", WTERMSIG(status), said);
  if (WEXITSTATUS(status) == 0) return {};
  return fmt::format("ended with exit status {}{}", WEXITSTATUS(status), said);
}

Maybe<Output> output_of(const std::vector<std::string>& program, double timeout_seconds) {
  std::string why_not;
  const auto child = Child::start(program, why_not);
  if (!child) return Absent{why_not};
  const std::string name = excerpt(program.front());
  const double until = real_seconds() + timeout_seconds;
  Output output;
  auto got = Child::Got::text;
  while (got == Child::Got::text && output.text.size() <= most_output)
    got = child->read(output.text, std::max(0.0, until - real_seconds()));
  if (got == Child::Got::nothing)
    return Absent{
        fmt::format("{} gave no answer within {:.3g} s and was killed", name, timeout_seconds)};
  if (got == Child::Got::text)
    return Absent{fmt::format("{} prints more than {} bytes", name, most_output)};
  const std::string fault = child->finish(std::max(0.0, until - real_seconds()));
  if (!fault.empty()) return Absent{name + " " + fault};
  output.cpu_seconds = child->cpu_seconds();
  return output;
}

}  // namespace ergon
