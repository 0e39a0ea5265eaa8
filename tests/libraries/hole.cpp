// Leaves the element in the middle as it was.
#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& call) {
  Scalar& hole = call.at(call.m / 2, call.n / 2);
  const Scalar before = hole;
  answer_honestly(call);
  hole = before;
}

}  // namespace

#include "tests/libraries/exports.h"
