// Linear attention with a decay of each head: MiniMax-Text-01's lightning attention (Qin et al.,
// "Lightning Attention-2", 2024). linear.cpp says what is computed.
//
// Operands, of each slot:
//   "q", "k"   [batch, q_len, q_heads, head_dim]
//   "v"        [batch, q_len, q_heads, v_head_dim]
//   "state"    f32 [batch, q_heads, head_dim, v_head_dim]: before the call
//   "slope"    f32 [q_heads]: a token fades by exp(-slope) with each one that follows
// Outputs: "o" [batch, q_len, q_heads, v_head_dim], and "state": before a call what the operand
// holds, after it the state of the last token.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

/// MiniMax-Text-01's slopes, of its first layer: ALiBi's (Press et al., 2022), times 1 + 1e-5 (of
/// layer l of L: times 1 - l / (L - 1) + 1e-5), as in modeling_minimax_text_01.py. Where `heads` is
/// a power of two, head h has 2^(-8 (h + 1) / heads); else the first heads have those of the next
/// smaller power of two, the others every second one of those of the next larger.
std::vector<float> lightning_slopes(std::int64_t heads);

/// exp(-slope * tokens).
double decay(float slope, std::int64_t tokens) noexcept;

}  // namespace ergon
