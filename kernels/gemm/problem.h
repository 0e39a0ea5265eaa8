// A GEMM as the oracle sees it: row-major, because a column-major C is the row-major product of the
// operands swapped and transposed: C' = B' A'.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/matrix_view.h"

namespace ergon {

struct Problem {
  std::int64_t m, n, k, batch;
  double alpha, beta;  // as accumulated
  DTypes types;
  bool swapped;
  bool transpose_a, transpose_b;  // of Gemm's own A and B
  bool compensated;               // float64 sums need the care

  explicit Problem(const Gemm& g)
      : m(g.col_major ? g.n : g.m),
        n(g.col_major ? g.m : g.n),
        k(g.k),
        batch(g.batch),
        alpha(accumulated(g, g.alpha)),
        beta(accumulated(g, g.beta)),
        types(g.types),
        swapped(g.col_major),
        transpose_a(g.transpose_a),
        transpose_b(g.transpose_b),
        compensated(g.types.accumulate == DType::f64) {}

  bool is_integer() const noexcept { return types.output == DType::s32; }
  /// m x k
  MatrixView left(const Inputs& inputs, std::int64_t index) const {
    return swapped ? view(inputs.tensor("b", 0), index, !transpose_b)
                   : view(inputs.tensor("a", 0), index, transpose_a);
  }
  /// k x n
  MatrixView right(const Inputs& inputs, std::int64_t index) const {
    return swapped ? view(inputs.tensor("a", 0), index, !transpose_a)
                   : view(inputs.tensor("b", 0), index, transpose_b);
  }
  /// m x n, for the C before the call or after it
  MatrixView c(const HostTensor& tensor, std::int64_t index) const {
    return view(tensor, index, swapped);
  }
};

}  // namespace ergon
