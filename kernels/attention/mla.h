// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1): the cache holds one
// latent c and one positional key r per token, for all heads.
//
// Head h: logit = scale (q_nope W_uk[h] c + q_rope r), value = W_uv[h] c, with q_nope the first
// head_dim - rope_head_dim elements of a query. Two ways to the same output:
//
//   expanded  keys W_uk[h] c and values W_uv[h] c of every token are made, then softmax attention
//   absorbed  q_nope W_uk[h], then softmax attention of all heads over (c, r) with the values c,
//             then W_uv[h] times its output
//
// An implementation may go either way; work is counted as expanded in prefill and as absorbed in
// decode, the fewer flops of each.
//
// Operands:
//   "q"       dtype [batch, q_len, q_heads, head_dim]
//   "latent"  kv_dtype [batch, kv_len, kv_lora_rank + rope_head_dim], c first, as kv.h says
//   "w_uk"    dtype [q_heads, head_dim - rope_head_dim, kv_lora_rank]
//   "w_uv"    dtype [q_heads, v_head_dim, kv_lora_rank]
//   "sink"    f32 [q_heads], where there are sinks
// Output: "o" dtype [batch, q_len, q_heads, v_head_dim]. Masks, sinks and soft cap as softmax.
//
// Values: normal(0, 1); weights normal(0, 1 / kv_lora_rank) with that variance, so that keys and
// values are normal(0, 1) too; the latent at a query's own position heavier (draw.h).
#pragma once

#include <memory>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/softmax_oracle.h"

namespace ergon {

/// The steps of the way that is counted, whose work adds up to the workload's.
///   "expand"   2 (nope + v_head_dim) kv_lora_rank flops a head and key that some query sees
///   "attend"   2 (head_dim + v_head_dim) a head, query and key that it sees
/// or
///   "absorb"   2 nope kv_lora_rank flops a head and query
///   "attend"   2 (2 kv_lora_rank + rope_head_dim) a head, query and key that it sees
///   "project"  2 v_head_dim kv_lora_rank a head and query
/// bytes: each operand and o once, where it is first used; of the latent what some query sees. What
/// lies between two steps is not counted.
std::vector<Stage> mla_stages(const Attention& workload);

/// Exact: absorbed in float64. Plain arithmetic: of the way that is counted. f32 sums in order;
/// rounded to dtype are keys and values where expanded, the absorbed query and the sum of latents
/// where absorbed; the rest as softmax_oracle.h. By default fewer rows than there: heads have no
/// keys of their own that would stay in a cache.
std::unique_ptr<Oracle> make_mla_oracle(const Attention& workload, const Inputs& inputs,
                                        const SoftmaxChecks& checks = {.most_flops = 3e9});
/// That it allocates at most.
std::size_t mla_oracle_bytes(const Attention& workload,
                             const SoftmaxChecks& checks = {.most_flops = 3e9});

}  // namespace ergon
