// Float64 matrix products of host matrices of any type and stride, for saying what is right.
//
// Products of values of at most 24 bits are exact in float64, and the plain sums are off by less
// than k 2^-53 of their terms. For float64 inputs `compensated` sums carry the rounding error of
// each product and addition along, and are as good as sums in twice the precision, rounded once
// (Ogita, Rump and Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26(6), 2005: Dot2).
//
// Written to be checked by reading, and blocked so that 1024^3 takes about a second (compensated,
// some four); not a contender.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/gemm/matrix_view.h"

namespace ergon {

/// out[i * ld + j] = sum over p < k of a(i, p) b(p, j), for i < m and j < n. Uses all processors
/// that the process may run on.
void wide_product(const MatrixView& a, const MatrixView& b, std::int64_t m, std::int64_t n,
                  std::int64_t k, bool compensated, double* out, std::int64_t ld);

/// out[i * ld + s] = sum over the columns j of segment s of matrix(i, j) t[j], for i < rows;
/// segment s is `width` columns from s * width on. Always compensated. One thread.
void segment_sums(const MatrixView& matrix, std::int64_t rows, std::span<const double> t,
                  std::int64_t width, double* out, std::int64_t ld);

}  // namespace ergon
