#include <immintrin.h>

#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"

namespace ergon::ceilings {
namespace {

// Latency six, on one or two ports.
struct BF16 {
  using Operand = __m512i;
  using Sum = __m512;
  using Element = std::uint16_t;
  using Result = float;
  static constexpr int fours = 4;
  // Exact: at most 8 significant bits, so that the lower half of the float is empty.
  static std::uint16_t element(std::int32_t value) {
    const auto wide = static_cast<float>(value);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &wide, sizeof bits);
    return static_cast<std::uint16_t>(bits >> 16);
  }
  static void hide(Sum& value) { __asm__ volatile("" : "+v"(value)); }
  static void multiply_add(Sum& c, Operand a, Operand b) {
    c = _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

}  // namespace

constinit const FlopsLoop avx512_bf16 = {DType::bf16, "16 accumulators of vdpbf16ps zmm",
                                         flops_per_iteration<BF16>(), peak_loop<BF16>};

}  // namespace ergon::ceilings
