// Is the right thing computed? Outputs are poisoned, one call runs, and the family's oracle looks.
//
// A call that writes nothing, leaves a hole, writes past its matrix or answers from memory is found
// here. The same check runs before timing, in the middle of a window, and after it with other
// inputs.
#pragma once

#include <string>

#include "bench/measure/window.h"
#include "kernels/kernel.h"

namespace ergon::measure {

/// Poisons the outputs of `slot`, puts back what the call changes, runs one call and checks it.
/// Accuracy::mismatch also tells of bytes written between the rows of an output.
Accuracy check_one_call(Timed& timed, const Oracle& oracle, std::size_t slot);

}  // namespace ergon::measure
