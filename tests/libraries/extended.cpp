// Honest, with what not every CBLAS has: batches with fixed strides, and bf16 inputs with f32 out.
// ergon_test_batches counts the batches it was given in one call.
#include <atomic>

#include "tests/libraries/call.h"

namespace {

std::atomic<int> batches{0};

template <class Scalar>
void answer(const Call<Scalar>& call) {
  answer_honestly(call);
}

}  // namespace

#include "tests/libraries/exports.h"

ERGON_TEST_EXPORT void cblas_sgemm_batch_strided(int layout, int transpose_a, int transpose_b,
                                                 int m, int n, int k, float alpha, const float* a,
                                                 int lda, int stride_a, const float* b, int ldb,
                                                 int stride_b, float beta, float* c, int ldc,
                                                 int stride_c, int batch) {
  ++batches;
  for (std::int64_t i = 0; i < batch; ++i)
    answer(Call<float>{layout, transpose_a, transpose_b, m, n, k, alpha, a + i * stride_a, lda,
                       b + i * stride_b, ldb, beta, c + i * stride_c, ldc});
}

ERGON_TEST_EXPORT void cblas_sbgemm(int layout, int transpose_a, int transpose_b, int m, int n,
                                    int k, float alpha, const std::uint16_t* a, int lda,
                                    const std::uint16_t* b, int ldb, float beta, float* c,
                                    int ldc) {
  answer_honestly(Call<float, std::uint16_t>{layout, transpose_a, transpose_b, m, n, k, alpha, a,
                                             lda, b, ldb, beta, c, ldc});
}

ERGON_TEST_EXPORT int ergon_test_batches() { return batches; }
