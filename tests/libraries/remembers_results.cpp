// Computes for pointers that it sees the first time, and copies that result back when they come
// again: found out only by one who changes the inputs in place.
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "tests/libraries/call.h"

namespace {

std::mutex mutex;

using Key = std::tuple<const void*, const void*, const void*, int, int, int>;

template <class Scalar>
std::map<Key, std::vector<Scalar>>& results() {
  static std::map<Key, std::vector<Scalar>> all;
  return all;
}

template <class Scalar>
void answer(const Call<Scalar>& call) {
  const std::lock_guard lock(mutex);
  std::vector<Scalar>& result = results<Scalar>()[{call.a, call.b, call.c, call.m, call.n, call.k}];
  const bool first = result.empty();
  if (first) answer_honestly(call);
  std::size_t next = 0;
  for (int i = 0; i < call.m; ++i)
    for (int j = 0; j < call.n; ++j) {
      if (first)
        result.push_back(call.at(i, j));
      else
        call.at(i, j) = result[next++];
    }
}

}  // namespace

#include "tests/libraries/exports.h"
