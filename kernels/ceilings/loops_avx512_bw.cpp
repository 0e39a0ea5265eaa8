#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"

namespace ergon::ceilings {
namespace {

// As in loops_avx2.cpp, for processors between AVX-512BW and VNNI.
struct S8 {
  using Operand = __m512i;
  using Sum = __m512i;
  using Element = std::int8_t;
  using Result = std::int32_t;
  static constexpr int fours = 2;
  static std::int8_t element(std::int32_t value) { return static_cast<std::int8_t>(value); }
  static void hide(Sum& value) { __asm__ volatile("" : "+v"(value)); }
  static void multiply_add(Sum& c, Operand& a, const Operand& b) {
    hide(a);  // or one product would serve all accumulators
    const __m512i pairs = _mm512_maddubs_epi16(a, b);
    c = _mm512_add_epi32(c, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    hide(c);  // or two products would be added first, and need more registers
  }
};

}  // namespace

constinit const FlopsLoop avx512_bw_s8 = {DType::s8,
                                          "8 accumulators of vpmaddubsw, vpmaddwd and vpaddd zmm",
                                          flops_per_iteration<S8>(), peak_loop<S8>};

}  // namespace ergon::ceilings
