// Puts one NaN into the last element, where a kernel for the remainder of a tile would.
#include <limits>

#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& call) {
  answer_honestly(call);
  call.at(call.m - 1, call.n - 1) = std::numeric_limits<Scalar>::quiet_NaN();
}

}  // namespace

#include "tests/libraries/exports.h"
