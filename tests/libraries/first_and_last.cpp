// Right when it may be watched: on its first call, on one that follows a pause of 50 ms (as a
// harness makes between windows, or before it checks the end), and when told to be; else does
// nothing.
#include <atomic>
#include <chrono>
#include <limits>

#include "tests/libraries/call.h"

namespace {

using std::chrono::steady_clock;
constexpr std::int64_t pause_ns = 50'000'000;

std::int64_t now_ns() {
  return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count();
}

std::atomic<int> told{-1};
std::atomic<std::int64_t> last_ns{std::numeric_limits<std::int64_t>::min() / 2};

bool may_be_watched() {
  if (told >= 0) return told == 1;
  return now_ns() - last_ns > pause_ns;
}

template <class Scalar>
void answer(const Call<Scalar>& call) {
  if (may_be_watched()) answer_honestly(call);
  last_ns = now_ns();
}

}  // namespace

#include "tests/libraries/exports.h"

/// 1: right from here on; 0: not; -1: by the pauses, as at the start.
ERGON_TEST_EXPORT void ergon_test_be_honest(int choice) { told = choice; }
