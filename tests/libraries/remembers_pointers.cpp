// Computes for pointers that it sees the first time and returns at once when they come again.
#include <mutex>
#include <set>
#include <tuple>

#include "tests/libraries/call.h"

namespace {

std::mutex mutex;
std::set<std::tuple<const void*, const void*, const void*>> seen;

template <class Scalar>
void answer(const Call<Scalar>& call) {
  const std::lock_guard lock(mutex);
  if (seen.insert({call.a, call.b, call.c}).second) answer_honestly(call);
}

}  // namespace

#include "tests/libraries/exports.h"
