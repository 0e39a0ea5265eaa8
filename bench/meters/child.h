// A program as a child process: started without a shell, in a process group of its own, with its
// standard output in a pipe, its standard error kept, and nothing on its standard input.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/base/maybe.h"

namespace ergon {

class Child {
 public:
  /// Looked for on the PATH where it holds no slash. nullptr where it cannot be started, with the
  /// reason in `why_not`.
  static std::unique_ptr<Child> start(const std::vector<std::string>& program,
                                      std::string& why_not);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Kills the whole group and waits for the child.
  ~Child();

  enum class Got { text, end, nothing };
  /// Waits at most `seconds` of real time for output and appends it to `text`. end: the child has
  /// closed its output. What it says on standard error is kept by itself.
  Got read(std::string& text, double seconds);
  /// Waits at most `seconds` for the child to exit, then kills it. Once; the destructor does
  /// nothing more. Empty where it ended well by itself; else "exit status 3: MESSAGE", "killed by
  /// signal 9".
  std::string finish(double seconds);
  /// Processor time of the child, known after finish().
  double cpu_seconds() const noexcept { return cpu_seconds_; }

 private:
  Child() = default;
  void drain_errors();
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool out_ended_ = false;
  std::string errors_;
  double cpu_seconds_ = 0;
};

/// What one call of a program printed, with its cost; a reason where it did not end well, printed
/// more than 1 MiB or took longer than `timeout_seconds`.
struct Output {
  std::string text;
  double cpu_seconds = 0;
};
Maybe<Output> output_of(const std::vector<std::string>& program, double timeout_seconds);

}  // namespace ergon
