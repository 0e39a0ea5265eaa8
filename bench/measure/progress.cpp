#include "bench/measure/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ergon::measure {

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term && std::strcmp(term, "dumb") != 0;
}

Progress::Progress(Clock& clock, double budget_seconds, bool terminal)
    : clock_(clock), ends_seconds_(clock.now_seconds() + budget_seconds), terminal_(terminal) {}

std::string Progress::time_left() const {
  const auto seconds =
      static_cast<int>(std::lround(std::max(0.0, ends_seconds_ - clock_.now_seconds())));
  char text[48];
  std::snprintf(text, sizeof text, "at most %d:%02d left", seconds / 60, seconds % 60);
  return text;
}

void Progress::print(std::string_view text) {
  if (terminal_)
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  else
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

void Progress::block(int number, int count, std::string_view what) {
  head_ = "[" + std::to_string(number) + "/" + std::to_string(count) + "] " + std::string(what);
  print(head_ + ", " + time_left());
}

void Progress::detail(std::string_view text) {
  if (terminal_) print(head_ + ": " + std::string(text) + ", " + time_left());
}

void Progress::done() {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace ergon::measure
