// What a grouped product must hold: rows of the product of all tokens with expert 0, turned.
#pragma once

#include <memory>

#include "kernels/moe/moe.h"

namespace ergon {

/// Copies what it needs of slot 0. Throws std::logic_error where the weights of an expert that is
/// used are not expert 0's, turned, or the routing names no expert. check() throws
/// std::invalid_argument for outputs that are not one tensor of Y's type and sizes, with one of the
/// two names.
std::unique_ptr<Oracle> make_moe_oracle(const Moe& workload, const Inputs& inputs);

}  // namespace ergon
