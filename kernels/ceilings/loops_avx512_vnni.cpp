#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"

namespace ergon::ceilings {
namespace {

// Latency five on one or two ports.
struct S8 {
  using Operand = __m512i;
  using Sum = __m512i;
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr int fours = 4;
  static std::int8_t element(std::int32_t value) { return static_cast<std::int8_t>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+v"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) { c = _mm512_dpbusd_epi32(c, a, b); }
};

}  // namespace

constinit const FlopsLoop avx512_vnni_s8 = {DType::s8, "16 accumulators of vpdpbusd zmm",
                                            flops_per_iteration<S8>(), peak_loop<S8>};

}  // namespace ergon::ceilings
