// Right, always.
#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& call) {
  answer_honestly(call);
}

}  // namespace

#include "tests/libraries/exports.h"
