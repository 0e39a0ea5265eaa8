// What a run says while it runs, on stderr.
#pragma once

#include <string>
#include <string_view>

#include "bench/base/clock.h"

namespace ergon::measure {

class Progress {
 public:
  Progress(Clock& clock, double budget_seconds, bool terminal);
  /// A new block begins: `number` of `count`.
  void block(int number, int count, std::string_view what);
  /// Renews the block's line on a terminal; says nothing in a pipe.
  void detail(std::string_view text);
  void done();

 private:
  std::string time_left() const;
  void print(std::string_view text);
  Clock& clock_;
  double ends_seconds_;
  bool terminal_;
  std::string head_;
};

/// True where stderr is a terminal that can renew a line.
bool stderr_is_terminal();

}  // namespace ergon::measure
