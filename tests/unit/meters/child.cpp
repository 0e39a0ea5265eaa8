// What becomes of a program when a signal ends the process that started it.
#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "bench/meters/child.h"

namespace ergon {
namespace {

/// As LLVM's: of its own, then as if it had not been.
void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Starts a program that starts another, says the number of its group, and waits.
[[noreturn]] void start_and_wait(int says, int signal) {
  std::signal(signal, end_by);
  std::string why_not, text;
  const auto child = Child::start({"sh", "-c", "sleep 1000 & echo $$; wait"}, why_not);
  if (!child || child->read(text, 300) != Child::Got::text) _exit(1);
  const pid_t group = std::atoi(text.c_str());
  if (write(says, &group, sizeof group) != sizeof group) _exit(1);
  for (;;) pause();
}

class ChildOfAProcessThatEnds : public testing::TestWithParam<int> {};

TEST_P(ChildOfAProcessThatEnds, EndsWithAllThatItStarted) {
  // Orphans become ours, to be waited for.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t process = fork();
  if (process == 0) start_and_wait(ends[1], GetParam());
  close(ends[1]);
  pid_t group = 0;
  ASSERT_EQ(read(ends[0], &group, sizeof group), static_cast<ssize_t>(sizeof group));
  close(ends[0]);
  kill(process, GetParam());
  int status = 0;
  ASSERT_EQ(waitpid(process, &status, 0), process);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), GetParam());
  for (int i = 0; i < 2; ++i) {  // the shell and its sleep
    ASSERT_GT(waitpid(-group, &status, 0), 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
  }
}

INSTANTIATE_TEST_SUITE_P(Signals, ChildOfAProcessThatEnds,
                         testing::Values(SIGINT, SIGTERM, SIGHUP, SIGPIPE),
                         [](const auto& given) { return std::to_string(given.param); });

}  // namespace
}  // namespace ergon
