// Quantized products by vpdpbusd: unsigned weights, four products a lane, exact.
#include "kernels/simd/avx512_q.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

template <QProduct computed>
struct Integers : Avx512Totals<computed> {
  using Sum = __m512i;
  using Words = __m512i;
  using Group = __m512i;
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
  static void decode(const std::byte* line, const Tables& /*tables*/, const Group& group,
                     Words (&words)[phases]) {
    const __m512i bytes = _mm512_loadu_si512(line);
    if constexpr (nibbles) {
      const __m512i low = _mm512_set1_epi8(15);
      words[0] = _mm512_and_si512(bytes, low);
      words[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low);
      if constexpr (computed.zero_points)
        for (Words& word : words) word = _mm512_add_epi8(word, group);
    } else {
      words[0] = bytes;
    }
  }
  static void multiply_add(Sum& sum, Words words, const std::byte* left) {
    sum = _mm512_dpbusd_epi32(sum, words, _mm512_set1_epi32(word_at(left)));
  }
  static Sum nothing() { return _mm512_setzero_si512(); }
  static Sum start(const std::byte* from) { return _mm512_set1_epi32(word_at(from)); }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static __m512 to_float(Sum sum) { return _mm512_cvtepi32_ps(sum); }
};

// A group has integer sums and totals, 16 registers for 8 rows. Without totals 16 rows would fit,
// but their activations (64 KiB at k = 4096) would not stay in L1: 4 % slower than 12.
constexpr int most_rows(const QProduct& product) { return product.whole ? 12 : 8; }

}  // namespace

constinit const std::array<QTileSet, s8_qproducts> avx512_s8_qtile_sets =
    qtile_sets_like<Integers, most_rows, 0, s8_qproducts>({.isa = Isa::avx512,
                                                           .instruction = "vpdpbusd zmm",
                                                           .features = {"avx512_vnni"},
                                                           .lanes = 16,
                                                           .offset = 128,
                                                           .quantize = quantize_avx512});

}  // namespace ergon::simd
