#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"
#include "kernels/ceilings/stream_loop.h"

namespace ergon::ceilings {
namespace {

// Latency four on one or two ports (uops.info): eight would do if they were always picked in turn.
struct F64 {
  using Operand = __m512d;
  using Sum = __m512d;
  using Element = double;
  using Result = double;
  static constexpr int fours = 4;
  static double element(std::int32_t value) { return value; }
  static void hide(Sum& value) { __asm__ volatile("" : "+v"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm512_fmadd_pd(a, b, c); }
};

struct F32 {
  using Operand = __m512;
  using Sum = __m512;
  using Element = float;
  using Result = float;
  static constexpr int fours = 4;
  static float element(std::int32_t value) { return static_cast<float>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+v"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm512_fmadd_ps(a, b, c); }
};

struct Register {
  using Floats = __m512;
  using Words = __m512i;
  static __m512 load(const float* from) { return _mm512_load_ps(from); }
  static __m512i load_words(const float* from) { return _mm512_castps_si512(load(from)); }
  static void store(float* to, __m512 value) { _mm512_store_ps(to, value); }
  static __m512i add(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
  static __m512 triad(__m512 a, __m512 b) { return _mm512_fmadd_ps(_mm512_set1_ps(3), b, a); }
  static __m512 negative(__m512 a) { return _mm512_mul_ps(_mm512_set1_ps(-1), a); }
};

}  // namespace

constinit const FlopsLoop avx512_f64 = {DType::f64, "16 accumulators of vfmadd231pd zmm",
                                        flops_per_iteration<F64>(), peak_loop<F64>};
constinit const FlopsLoop avx512_f32 = {DType::f32, "16 accumulators of vfmadd231ps zmm",
                                        flops_per_iteration<F32>(), peak_loop<F32>};
constinit const StreamLoops avx512_streams = {Streams<Register>::read, Streams<Register>::copy,
                                              Streams<Register>::triad, Streams<Register>::update};

}  // namespace ergon::ceilings
