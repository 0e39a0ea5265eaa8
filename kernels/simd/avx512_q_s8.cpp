// Quantized products by vpdpbusd: unsigned weights, four products a lane, exact.
#include "kernels/simd/avx512_wide.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

template <QProduct computed>
struct Integers : Avx512Totals<computed> {
  using Sum = __m512i;
  using Words = __m512i;
  using Group = __m512i;
  using Line = __m512i;
  struct Tables {};
  static constexpr bool nibbles = computed.kind == QKind::nibbles_s8;
  static constexpr int phases = nibbles ? 2 : 1;

  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return _mm512_setzero_si512();
    const __m512i first_byte =
        _mm512_set_epi8(12, 12, 12, 12, 8, 8, 8, 8, 4, 4, 4, 4, 0, 0, 0, 0, 12, 12, 12, 12, 8, 8, 8,
                        8, 4, 4, 4, 4, 0, 0, 0, 0, 12, 12, 12, 12, 8, 8, 8, 8, 4, 4, 4, 4, 0, 0, 0,
                        0, 12, 12, 12, 12, 8, 8, 8, 8, 4, 4, 4, 4, 0, 0, 0, 0);
    return _mm512_shuffle_epi8(zero_nibbles_avx512(zeros), first_byte);
  }
  static Line line(const std::byte* from, const Tables& /*tables*/, const Group& /*group*/) {
    return _mm512_loadu_si512(from);
  }
  template <int phase>
  static Words word(const Line& bytes, const Tables& /*tables*/, const Group& group) {
    if constexpr (!nibbles) return bytes;
    const __m512i codes =
        _mm512_and_si512(phase == 0 ? bytes : _mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
    return computed.zero_points ? _mm512_add_epi8(codes, group) : codes;
  }
  static void multiply_add(Sum& sum, Words words, __m512i left) { add_quads(sum, words, left); }
  static Sum nothing() { return _mm512_setzero_si512(); }
  static Sum start(const std::byte* from) { return _mm512_set1_epi32(word_at(from)); }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static __m512 to_float(Sum sum) { return _mm512_cvtepi32_ps(sum); }
};

// A group has integer sums and totals: two of each hide the latency of 4 rows, and 6 rows of one
// each are 5 to 8 % slower (Zen 5).
template <QProduct product>
using Unit = Wide<Integers<product>, product.whole ? 12 : 4>;

}  // namespace

constinit const std::array<QTileSet, s8_qproducts> avx512_s8_qtile_sets =
    qtile_sets_like<Unit, 0, s8_qproducts>([] {
      QTileSet set = avx512_qtile_set;
      set.instruction = "vpdpbusd zmm";
      set.features = {"avx512_vnni"};
      set.offset = 128;
      return set;
    }());

}  // namespace ergon::simd
