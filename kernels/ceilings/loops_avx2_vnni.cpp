#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"

namespace ergon::ceilings {
namespace {

// Latency five on two ports; 16 registers hold 12 beside the operands.
struct S8 {
  using Operand = __m256i;
  using Sum = __m256i;
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr int fours = 3;
  static std::int8_t element(std::int32_t value) { return static_cast<std::int8_t>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+x"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm256_dpbusd_avx_epi32(c, a, b); }
};

}  // namespace

constinit const FlopsLoop avx2_vnni_s8 = {DType::s8, "12 accumulators of vpdpbusd ymm",
                                          flops_per_iteration<S8>(), peak_loop<S8>};

}  // namespace ergon::ceilings
