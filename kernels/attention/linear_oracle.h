// What a linear attention must hold (rows_oracle.h), in float64, without the recurrence: of token i
//
//   o = decay^(i + 1) q_i S + sum over j <= i of decay^(i - j) (q_i k_j) v_j
//
// and of the state after n tokens, decay^n S + sum over j of decay^(n - 1 - j) k_j^T v_j; S is the
// state before.
//
// Plain arithmetic is f32, one term after the other. In decode, and where f32 is multiplied, it is
// the recurrence; its state is rounded where q reads it to the type that is multiplied. In a
// prefill of bf16 it is the sums above, as the model's own code has them over blocks of tokens: S,
// the weights decay^(i - j) (q_i k_j), and keys times their decay are rounded to bf16. Decays are,
// as in the recurrence, a f32 multiplied by itself.
#pragma once

#include <memory>

#include "kernels/attention/attention.h"

namespace ergon {

struct LinearChecks {
  double most_flops = 8e9;        // of an output; above, some rows are checked instead of all
  double most_plain_flops = 1e9;  // of the rows that plain arithmetic is done for
};

std::unique_ptr<Oracle> make_linear_oracle(const Attention& workload, const Inputs& inputs,
                                           const LinearChecks& checks = {});
/// That it allocates at most.
std::size_t linear_oracle_bytes(const Attention& workload, const LinearChecks& checks = {});

}  // namespace ergon
