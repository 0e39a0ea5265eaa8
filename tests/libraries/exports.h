// cblas_sgemm and cblas_dgemm, answered by the including file's `answer(const Call<Scalar>&)`,
// which is declared before.
#pragma once

#include "tests/libraries/call.h"

#define ERGON_TEST_EXPORT extern "C" __attribute__((visibility("default")))

ERGON_TEST_EXPORT void cblas_sgemm(int layout, int transpose_a, int transpose_b, int m, int n,
                                   int k, float alpha, const float* a, int lda, const float* b,
                                   int ldb, float beta, float* c, int ldc) {
  answer(
      Call<float>{layout, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}

ERGON_TEST_EXPORT void cblas_dgemm(int layout, int transpose_a, int transpose_b, int m, int n,
                                   int k, double alpha, const double* a, int lda, const double* b,
                                   int ldb, double beta, double* c, int ldc) {
  answer(
      Call<double>{layout, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}
