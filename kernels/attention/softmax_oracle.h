// What a softmax attention must hold (rows_oracle.h), in float64.
//
// Plain arithmetic: logits summed in f32 in the order of head_dim, the largest taken away, weights
// rounded to the type that is multiplied, their products with V summed in f32 in the order of the
// keys, divided by the f32 sum of the weights.
#pragma once

#include <memory>

#include "kernels/attention/attention.h"
#include "kernels/attention/rows_oracle.h"

namespace ergon {

struct SoftmaxChecks {
  double most_flops = 8e9;        // above, some rows are checked instead of all
  double most_plain_flops = 1e9;  // of the rows that plain arithmetic is done for
};

std::unique_ptr<Oracle> make_softmax_oracle(const Attention& workload, const Inputs& inputs,
                                            const SoftmaxChecks& checks = {});
/// That it allocates at most.
std::size_t softmax_oracle_bytes(const Attention& workload, const SoftmaxChecks& checks = {});

/// One head of keys of one sequence, widened: for structures that make keys and values themselves.
struct WideHead {
  std::int64_t head_dim = 0, v_head_dim = 0, first = 0, keys = 0;  // keys from `first` on
  std::vector<double> k;                                           // [head_dim, keys]
  std::vector<double> v;                                           // [keys, v_head_dim]
};
struct SoftmaxQuery {
  std::vector<double> q;  // [head_dim]
  KeyRange seen;
  double scale = 1, soft_cap = 0;
  const float* sink = nullptr;  // nullptr: none
};
std::size_t wide_head_bytes(std::int64_t keys, std::int64_t head_dim, std::int64_t v_head_dim);
std::vector<double> exact_row(const WideHead& head, const SoftmaxQuery& query);
/// In plain arithmetic; sums start at a place of their own for each `start`. `rounded` is the type
/// that weights are rounded to.
std::vector<double> plain_row(const WideHead& head, const SoftmaxQuery& query, DType rounded,
                              DType output, int start);

}  // namespace ergon
