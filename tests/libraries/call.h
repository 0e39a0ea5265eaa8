// One call of cblas_?gemm as the test libraries see it, and the honest answer to it: a plain triple
// loop. For alpha 0 or beta 0 the operands and the old C are not read, as BLAS demands.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

template <class Scalar, class In = Scalar>
struct Call {
  int layout, transpose_a, transpose_b, m, n, k;
  Scalar alpha;
  const In* a;
  int lda;
  const In* b;
  int ldb;
  Scalar beta;
  Scalar* c;
  int ldc;

  Scalar& at(int row, int column) const {
    return c[static_cast<std::ptrdiff_t>(offset(row, column, ldc, 111))];
  }
  /// Where element (row, column) of op(X) is.
  std::int64_t offset(int row, int column, int ld, int transpose) const {
    const bool along_row = (layout == 101) == (transpose == 111);
    return along_row ? static_cast<std::int64_t>(row) * ld + column
                     : static_cast<std::int64_t>(column) * ld + row;
  }
};

[[maybe_unused]] float widen(float value) { return value; }
[[maybe_unused]] double widen(double value) { return value; }
[[maybe_unused]] float widen(std::uint16_t bf16) {
  const std::uint32_t bits = static_cast<std::uint32_t>(bf16) << 16;
  float value = 0;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

template <class Scalar, class In>
[[maybe_unused]] void answer_honestly(const Call<Scalar, In>& call) {
  for (int i = 0; i < call.m; ++i)
    for (int j = 0; j < call.n; ++j) {
      Scalar sum = 0;
      for (int l = 0; call.alpha != 0 && l < call.k; ++l)
        sum += widen(call.a[call.offset(i, l, call.lda, call.transpose_a)]) *
               widen(call.b[call.offset(l, j, call.ldb, call.transpose_b)]);
      Scalar& c = call.at(i, j);
      c = call.beta == 0 ? call.alpha * sum : call.alpha * sum + call.beta * c;
    }
}

}  // namespace
