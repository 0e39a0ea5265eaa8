// Writes nothing.
#include "tests/libraries/call.h"

namespace {

template <class Scalar>
void answer(const Call<Scalar>& /*ignored*/) {}

}  // namespace

#include "tests/libraries/exports.h"
