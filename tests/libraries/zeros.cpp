// Returns zeros.
#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& call) {
  for (int i = 0; i < call.m; ++i)
    for (int j = 0; j < call.n; ++j) call.at(i, j) = 0;
}

}  // namespace

#include "tests/libraries/exports.h"
