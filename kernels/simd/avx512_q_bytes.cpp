// Quantized products by vdpbf16ps: codes of 8 bits become bf16 by vpermi2b, of VBMI.
#include "kernels/simd/avx512_pairs.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

/// By 128 magnitudes, the sign beside them.
template <QProduct computed>
struct Bytes : Pairs<computed> {
  using Words = __m512i;
  struct Tables {
    __m512i low[2], high[2];
  };
  struct Group {};
  struct Line {
    __m512i low, high;
  };
  static constexpr int phases = 2, registers = 22;
  static Tables tables(const QTileCall& call) {
    const std::byte* t = call.table;
    return {{_mm512_loadu_si512(t), _mm512_loadu_si512(t + 64)},
            {_mm512_loadu_si512(t + 128), _mm512_loadu_si512(t + 192)}};
  }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  static Line line(const std::byte* from, const Tables& tables, const Group& /*group*/) {
    const __m512i codes = _mm512_loadu_si512(from);
    const __m512i low = _mm512_permutex2var_epi8(tables.low[0], codes, tables.low[1]);
    const __m512i magnitude = _mm512_permutex2var_epi8(tables.high[0], codes, tables.high[1]);
    return {low, _mm512_ternarylogic_epi32(magnitude, codes, _mm512_set1_epi8(-128), a_or_b_and_c)};
  }
  template <int phase>
  static Words word(const Line& line, const Tables& /*tables*/, const Group& /*group*/) {
    if constexpr (phase == 0)
      return _mm512_ternarylogic_epi32(_mm512_slli_epi16(line.high, 8), line.low,
                                       _mm512_set1_epi16(0x00ff), a_or_b_and_c);
    else
      return _mm512_ternarylogic_epi32(_mm512_srli_epi16(line.low, 8), line.high,
                                       _mm512_set1_epi16(-256), a_or_b_and_c);
  }

 private:
  static constexpr int a_or_b_and_c = 0xf8;
};

template <QProduct product>
using Unit = Wide<Bytes<product>, product.whole ? 12 : 6>;

}  // namespace

constinit const std::array<QTileSet, 3> avx512_byte_qtile_sets = qtile_sets_like<Unit, 8, 3>([] {
  QTileSet set = by_pairs;
  set.features = {"avx512_bf16", "avx512_vbmi"};
  return set;
}());

}  // namespace ergon::simd
