#include "bench/meters/child_groups.h"

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>

namespace ergon {
namespace {

std::array<std::atomic<pid_t>, 64> groups;
static_assert(std::atomic<pid_t>::is_always_lock_free);  // for a signal handler

struct Watched {
  int signal;
  struct sigaction before;
};
std::array<Watched, 4> watched{{{SIGINT, {}}, {SIGTERM, {}}, {SIGHUP, {}}, {SIGPIPE, {}}}};

extern "C" void kill_groups(int signal) {
  for (const auto& group : groups)
    if (const pid_t number = group.load(); number > 0) kill(-number, SIGKILL);
  for (const Watched& one : watched)
    if (one.signal == signal) sigaction(signal, &one.before, nullptr);
  raise(signal);  // takes place when this returns
}

bool is_ignored(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

void watch_signals() {
  for (Watched& one : watched) {
    if (sigaction(one.signal, nullptr, &one.before) != 0 || is_ignored(one.before)) continue;
    struct sigaction ours {};
    ours.sa_handler = kill_groups;
    sigemptyset(&ours.sa_mask);
    sigaction(one.signal, &ours, nullptr);
  }
}

}  // namespace

void remember_group(pid_t group) {
  static std::once_flag once;
  std::call_once(once, watch_signals);
  for (auto& slot : groups)
    if (pid_t none = 0; slot.compare_exchange_strong(none, group)) return;
}

void forget_group(pid_t group) {
  for (auto& slot : groups)
    if (pid_t same = group; slot.compare_exchange_strong(same, 0)) return;
}

}  // namespace ergon
