#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"
#include "kernels/ceilings/stream_loop.h"

namespace ergon::ceilings {
namespace {

// Latency four or five on two ports (uops.info); 16 registers hold 12 beside the operands.
struct F64 {
  using Operand = __m256d;
  using Sum = __m256d;
  using Element = double;
  using Result = double;
  static constexpr int fours = 3;
  static double element(std::int32_t value) { return value; }
  static void hide(Sum& value) { __asm__ volatile("" : "+x"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm256_fmadd_pd(a, b, c); }
};

struct F32 {
  using Operand = __m256;
  using Sum = __m256;
  using Element = float;
  using Result = float;
  static constexpr int fours = 3;
  static float element(std::int32_t value) { return static_cast<float>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+x"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm256_fmadd_ps(a, b, c); }
};

// Three instructions, of which only the last is in the accumulator's chain: eight are plenty. Two
// products of at most 126 * 126 do not saturate the 16 bits between.
struct S8 {
  using Operand = __m256i;
  using Sum = __m256i;
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr int fours = 2;
  static std::int8_t element(std::int32_t value) { return static_cast<std::int8_t>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+x"(value)); }
  static void multiply_add(Sum& c, Operand& a, const Operand& b) {
    hide(a);  // or one product would serve all accumulators
    const __m256i pairs = _mm256_maddubs_epi16(a, b);
    c = _mm256_add_epi32(c, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    hide(c);  // or two products would be added first, and need more registers
  }
};

struct Register {
  using Floats = __m256;
  using Words = __m256i;
  static __m256 load(const float* from) { return _mm256_load_ps(from); }
  static __m256i load_words(const float* from) { return _mm256_castps_si256(load(from)); }
  static void store(float* to, __m256 value) { _mm256_store_ps(to, value); }
  static __m256i add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
  static __m256 triad(__m256 a, __m256 b) { return _mm256_fmadd_ps(_mm256_set1_ps(3), b, a); }
  static __m256 negative(__m256 a) { return _mm256_mul_ps(_mm256_set1_ps(-1), a); }
};

}  // namespace

constinit const FlopsLoop avx2_f64 = {DType::f64, "12 accumulators of vfmadd231pd ymm",
                                      flops_per_iteration<F64>(), peak_loop<F64>};
constinit const FlopsLoop avx2_f32 = {DType::f32, "12 accumulators of vfmadd231ps ymm",
                                      flops_per_iteration<F32>(), peak_loop<F32>};
constinit const FlopsLoop avx2_s8 = {DType::s8,
                                     "8 accumulators of vpmaddubsw, vpmaddwd and vpaddd ymm",
                                     flops_per_iteration<S8>(), peak_loop<S8>};
constinit const StreamLoops avx2_streams = {Streams<Register>::read, Streams<Register>::copy,
                                            Streams<Register>::triad, Streams<Register>::update};

}  // namespace ergon::ceilings
