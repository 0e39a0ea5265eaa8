// Quantized products by vdpbf16ps: codes of 4 bits become bf16 by table; bf16 is multiplied as it
// is.
#include "kernels/simd/avx512_pairs.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

template <QProduct computed>
struct Nibbles : Pairs<computed> {
  using Words = __m512i;
  using Tables = __m512i;
  using Group = __m512i;
  using Line = __m512i;
  static constexpr int phases = 4, most_rows = 8;
  static Tables tables(const QTileCall& call) { return _mm512_loadu_si512(call.table); }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return _mm512_setzero_si512();
    const __m512i nibbles = zero_nibbles_avx512(zeros);
    return _mm512_or_si512(nibbles, _mm512_slli_epi32(nibbles, 16));
  }
  static Line line(const std::byte* from, const Tables& /*table*/, const Group& /*group*/) {
    __m512i codes = _mm512_loadu_si512(from);
    // Loaded once: else each shift loads it again, and two loads a cycle are the limit.
    __asm__("" : "+v"(codes));
    return codes;
  }
  template <int phase>
  static Words word(const Line& codes, const Tables& table, const Group& group) {
    // The table stands twice: the fifth bit of an index does not matter.
    __m512i index = phase == 0 ? codes : _mm512_srli_epi16(codes, 4 * phase);
    if constexpr (computed.zero_points)
      index = _mm512_add_epi16(_mm512_and_si512(index, _mm512_set1_epi16(15)), group);
    return _mm512_permutexvar_epi16(index, table);
  }
};

template <QProduct computed>
struct Plain : Pairs<computed> {
  using Words = __m512i;
  using Line = __m512i;
  struct Tables {};
  struct Group {};
  static constexpr int phases = 1;
  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  static Line line(const std::byte* from, const Tables& /*tables*/, const Group& /*group*/) {
    return _mm512_loadu_si512(from);
  }
  template <int phase>
  static Words word(const Line& pairs, const Tables& /*tables*/, const Group& /*group*/) {
    return pairs;
  }
};

// A table's permutes are many: one vector for 8 rows needs half of those that two for 4 do, and is
// as fast with zero points left out; 6 rows of two vectors then are 8 % faster (Zen 5).
template <QProduct product>
using NibblesUnit =
    std::conditional_t<product.zero_points, Wide<Nibbles<product>, 6>, Nibbles<product>>;
template <QProduct product>
using PlainUnit = Wide<Plain<product>, 12>;

}  // namespace

constinit const std::array<QTileSet, 3> avx512_nibble_qtile_sets =
    qtile_sets_like<NibblesUnit, 5, 3>(by_pairs);
constinit const std::array<QTileSet, 1> avx512_pair_qtile_sets =
    qtile_sets_like<PlainUnit, 11, 1>(by_pairs);

}  // namespace ergon::simd
