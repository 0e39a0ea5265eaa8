// Hands every call on to the OpenBLAS named by ERGON_TEST_BLAS (as for dlopen), and says of itself
// what that says, so that it is treated alike. Built with ERGON_TEST_SLOW, each GEMM then takes
// longer by the fraction ERGON_TEST_SLOWDOWN ("0.03") of its own time, spent spinning in the
// calling thread.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/libraries/call.h"

namespace {

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "test CBLAS: %s: %s\n", what, why);
  std::abort();
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : (give_up(name, "is not set"), nullptr);
}

template <class Function>
Function find(const char* name) {
  static void* const library = [] {
    void* opened = dlopen(variable("ERGON_TEST_BLAS"), RTLD_NOW | RTLD_LOCAL);
    return opened ? opened : (give_up("ERGON_TEST_BLAS", dlerror()), nullptr);
  }();
  void* const found = dlsym(library, name);
  if (!found) give_up(name, "is not in the library that ERGON_TEST_BLAS names");
  return reinterpret_cast<Function>(found);
}

template <class Scalar>
using Gemm = void (*)(int, int, int, int, int, int, Scalar, const Scalar*, int, const Scalar*, int,
                      Scalar, Scalar*, int);

template <class Scalar>
void hand_on(Gemm<Scalar> gemm, const Call<Scalar>& call) {
  gemm(call.layout, call.transpose_a, call.transpose_b, call.m, call.n, call.k, call.alpha, call.a,
       call.lda, call.b, call.ldb, call.beta, call.c, call.ldc);
}

#ifdef ERGON_TEST_SLOW
template <class Scalar>
void hand_on_slowly(Gemm<Scalar> gemm, const Call<Scalar>& call) {
  using Clock = std::chrono::steady_clock;
  static const double slowdown = std::atof(variable("ERGON_TEST_SLOWDOWN"));
  const Clock::time_point start = Clock::now();
  hand_on(gemm, call);
  const Clock::duration own = Clock::now() - start;
  const auto end = start + std::chrono::duration_cast<Clock::duration>(own * (1 + slowdown));
  while (Clock::now() < end) {
  }
}
#endif

template <class Scalar>
void pass(Gemm<Scalar> gemm, const Call<Scalar>& call) {
#ifdef ERGON_TEST_SLOW
  hand_on_slowly(gemm, call);
#else
  hand_on(gemm, call);
#endif
}

void answer(const Call<float>& call) {
  static const auto gemm = find<Gemm<float>>("cblas_sgemm");
  pass(gemm, call);
}

void answer(const Call<double>& call) {
  static const auto gemm = find<Gemm<double>>("cblas_dgemm");
  pass(gemm, call);
}

}  // namespace

#include "tests/libraries/exports.h"

ERGON_TEST_EXPORT const char* openblas_get_config() {
  return find<const char* (*)()>("openblas_get_config")();
}
ERGON_TEST_EXPORT const char* openblas_get_corename() {
  return find<const char* (*)()>("openblas_get_corename")();
}
ERGON_TEST_EXPORT int openblas_get_parallel() { return find<int (*)()>("openblas_get_parallel")(); }
ERGON_TEST_EXPORT int openblas_get_num_threads() {
  return find<int (*)()>("openblas_get_num_threads")();
}
ERGON_TEST_EXPORT void openblas_set_num_threads(int threads) {
  find<void (*)(int)>("openblas_set_num_threads")(threads);
}
