// A CBLAS with 64-bit integers (ILP64) whose names do not tell, but for cblas_scopy's behaviour.
#include <cstdint>

#define ERGON_TEST_EXPORT extern "C" __attribute__((visibility("default")))

ERGON_TEST_EXPORT void cblas_scopy(std::int64_t n, const float* x, std::int64_t stride_x, float* y,
                                   std::int64_t stride_y) {
  for (std::int64_t i = 0; i < n; ++i) y[i * stride_y] = x[i * stride_x];
}

ERGON_TEST_EXPORT void cblas_sgemm() { __builtin_trap(); }
ERGON_TEST_EXPORT void cblas_dgemm() { __builtin_trap(); }
