// Attention over chosen tokens (DeepSeek-V3.2's sparse attention, at decode): an indexer scores
// every key that a query sees, the top_k of them are attended to, in the latent space (mla.h,
// absorbed).
//
// score of key s = sum over index heads j of index_weight[j] max(0, index_q[j] index_k[s]). The
// top_k keys of the highest scores are chosen, all where a query sees fewer. Every head: logit =
// scale q (latent), value = the latent's first kv_lora_rank elements, softmax over what was chosen.
//
// Operands, with head_dim = kv_lora_rank + rope_head_dim, v_head_dim = kv_lora_rank, kv_heads = 1:
//   "q"             dtype [batch, q_len, q_heads, head_dim]
//   "latent"        kv_dtype [batch, kv_len, head_dim], as kv.h says
//   "index_q"       dtype [batch, q_len, index_heads, index_head_dim]
//   "index_k"       kv_dtype [batch, kv_len, index_head_dim], in the same places as the latent
//   "index_weight"  f32 [batch, q_len, index_heads]
// Outputs:
//   "o"             dtype [batch, q_len, q_heads, v_head_dim]
//   "selected"      s32 [batch, q_len, top_k]: chosen keys, numbered in their sequence (not by
//                   pages), in any order; -1 in entries that are not needed
//
// Values: normal(0, 1), index_weight too; the latent at a query's own position heavier (draw.h),
// and its index_k one of a high score.
#pragma once

#include <memory>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

/// The steps, whose work adds up to the workload's.
///   "score"   2 index_heads (index_head_dim + 1) flops a query and key that it sees; index_q,
///             index_weight, the block table, and of index_k what some query sees
///   "select"  no flops; "selected"
///   "attend"  2 (head_dim + v_head_dim) flops a head, query and chosen key; q, o, and the latents
///             of the chosen keys: top_k a query, and of a sequence at most those that it sees
std::vector<Stage> sparse_stages(const Attention& workload);

struct SparseChecks {
  double most_score_flops = 2e9;  // above, the scores of some queries are checked instead of all
  double most_flops = 2e9;        // of the rows of o that are checked in a call
  double most_plain_flops = 5e8;  // of the rows that plain arithmetic is done for
};

/// Of every query: chosen keys are keys that it sees, each once, as many as there should be. Of
/// those whose scores are checked: no key that was left out scores more, and none that was chosen
/// less, than the top_k-th highest score in float64 by more than the tolerance: twice the largest
/// error of scores summed in f32 in order, at least 2 units in the last place of the largest sum of
/// |index_weight| max(0, ...). Their o is then softmax attention over the keys that were chosen
/// (softmax_oracle.h), whichever those are.
std::unique_ptr<Oracle> make_sparse_oracle(const Attention& workload, const Inputs& inputs,
                                           const SparseChecks& checks = {});
/// That it allocates at most.
std::size_t sparse_oracle_bytes(const Attention& workload, const SparseChecks& checks = {});

}  // namespace ergon
