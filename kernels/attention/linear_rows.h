// Rows of a linear attention's outputs: exact ones, and those of plain arithmetic
// (linear_oracle.h).
//
// An output row is one token's and head's; a state row is one of [head_dim, v_head_dim] after all
// tokens. Plain sums begin `start` terms late and end with the first ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

/// The operands of one head of one sequence, widened.
struct LinearHead {
  LinearHead(const Attention& workload, const Inputs& inputs, std::int64_t sequence,
             std::int64_t head);
  std::int64_t tokens, head_dim, v_head_dim;
  std::vector<double> q, k, v, state;  // [tokens, width]; [head_dim, v_head_dim]
  std::vector<double> decays;          // after 0, 1, ... tokens
  std::vector<float> plain_decays;     // a f32 multiplied by itself
};

using Row = std::vector<double>;

Row exact_output_row(const LinearHead& head, std::int64_t token);
Row exact_state_row(const LinearHead& head, std::int64_t row);
/// As the sums of linear_oracle.h; `product`: of what is multiplied.
Row plain_output_row(const LinearHead& head, std::int64_t token, std::int64_t start, DType product,
                     DType output);
Row plain_state_row(const LinearHead& head, std::int64_t row, std::int64_t start, DType product);
/// By the recurrence.
Row recurrent_state_row(const LinearHead& head, std::int64_t row);
/// Of some tokens, in rising order; each with several starts: [tokens][starts].
std::vector<std::vector<Row>> recurrent_output_rows(const LinearHead& head,
                                                    std::span<const std::int64_t> tokens,
                                                    int starts, DType product, DType output);

}  // namespace ergon
