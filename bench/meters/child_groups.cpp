#include "bench/meters/child_groups.h"

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>

namespace ergon {
namespace {

std::array<std::atomic<pid_t>, 64> groups;
static_assert(std::atomic<pid_t>::is_always_lock_free);  // for a signal handler

extern "C" void kill_groups(int signal) {
  for (const auto& group : groups)
    if (const pid_t number = group.load(); number > 0) kill(-number, SIGKILL);
  // The action is the default one again: it takes place when this returns.
  raise(signal);
}

void watch_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction present {};
    if (sigaction(signal, nullptr, &present) != 0 || (present.sa_flags & SA_SIGINFO) != 0 ||
        present.sa_handler != SIG_DFL)
      continue;
    struct sigaction ours {};
    ours.sa_handler = kill_groups;
    ours.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&ours.sa_mask);
    sigaction(signal, &ours, nullptr);
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
