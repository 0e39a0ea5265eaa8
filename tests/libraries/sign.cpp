// Flips the sign of the element in the middle.
#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& call) {
  answer_honestly(call);
  Scalar& element = call.at(call.m / 2, call.n / 2);
  element = -element;
}

}  // namespace

#include "tests/libraries/exports.h"
