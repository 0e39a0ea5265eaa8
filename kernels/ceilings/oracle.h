// What a ceiling's output must hold.
#pragma once

#include <memory>

#include "kernels/ceilings/ceiling.h"

namespace ergon {

/// Reads the arrays of `inputs`, which must outlive it: they are too large to copy. The sum of
/// `read` is taken at once.
std::unique_ptr<Oracle> make_ceiling_oracle(const Ceiling& ceiling, const Inputs& inputs);

}  // namespace ergon
