// Quantized products by vdpbf16ps: codes become bf16 by table, where they are not already.
// Denormals among codes and activations count as 0, as the instruction has it.
#include "kernels/simd/avx512_q.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

template <QProduct computed>
struct Pairs : Avx512Totals<computed> {
  using Sum = __m512;
  using Words = __m512i;
  static void multiply_add(Sum& sum, Words words, const std::byte* left) {
    // One register type to the instruction; clang and g++ name its bf16 vectors alike.
    sum = _mm512_dpbf16_ps(sum, (__m512bh)words, (__m512bh)_mm512_set1_epi32(word_at(left)));
  }
  static Sum nothing() { return _mm512_setzero_ps(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static __m512 to_float(Sum sum) { return sum; }
};

template <QProduct computed>
struct Nibbles : Pairs<computed> {
  using Words = __m512i;
  using Tables = __m512i;
  using Group = __m512i;
  static constexpr int phases = 4;
  static Tables tables(const QTileCall& call) { return _mm512_loadu_si512(call.table); }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return _mm512_setzero_si512();
    const __m512i nibbles = zero_nibbles_avx512(zeros);
    return _mm512_or_si512(nibbles, _mm512_slli_epi32(nibbles, 16));
  }
  static void decode(const std::byte* line, const Tables& table, const Group& group,
                     Words (&words)[phases]) {
    const __m512i lanes = _mm512_loadu_si512(line);
    unrolled<phases>([&](auto p) ERGON_INLINE {
      // The table stands twice: the fifth bit of an index does not matter.
      __m512i index = p == 0 ? lanes : _mm512_srli_epi16(lanes, 4 * p);
      if constexpr (computed.zero_points)
        index = _mm512_add_epi16(_mm512_and_si512(index, _mm512_set1_epi16(15)), group);
      words[p] = _mm512_permutexvar_epi16(index, table);
    });
  }
};

/// By 128 magnitudes, the sign beside them.
template <QProduct computed>
struct Bytes : Pairs<computed> {
  using Words = __m512i;
  struct Tables {
    __m512i low[2], high[2];
  };
  struct Group {};
  static constexpr int phases = 2;
  static Tables tables(const QTileCall& call) {
    const std::byte* t = call.table;
    return {{_mm512_loadu_si512(t), _mm512_loadu_si512(t + 64)},
            {_mm512_loadu_si512(t + 128), _mm512_loadu_si512(t + 192)}};
  }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  static void decode(const std::byte* line, const Tables& tables, const Group& /*group*/,
                     Words (&words)[phases]) {
    constexpr int a_or_b_and_c = 0xf8;
    const __m512i codes = _mm512_loadu_si512(line);
    const __m512i low = _mm512_permutex2var_epi8(tables.low[0], codes, tables.low[1]);
    const __m512i magnitude = _mm512_permutex2var_epi8(tables.high[0], codes, tables.high[1]);
    const __m512i high =
        _mm512_ternarylogic_epi32(magnitude, codes, _mm512_set1_epi8(-128), a_or_b_and_c);
    words[0] = _mm512_ternarylogic_epi32(_mm512_slli_epi16(high, 8), low, _mm512_set1_epi16(0x00ff),
                                         a_or_b_and_c);
    words[1] = _mm512_ternarylogic_epi32(_mm512_srli_epi16(low, 8), high, _mm512_set1_epi16(-256),
                                         a_or_b_and_c);
  }
};

template <QProduct computed>
struct Plain : Pairs<computed> {
  using Words = __m512i;
  struct Tables {};
  struct Group {};
  static constexpr int phases = 1;
  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  static void decode(const std::byte* line, const Tables& /*tables*/, const Group& /*group*/,
                     Words (&words)[phases]) {
    words[0] = _mm512_loadu_si512(line);
  }
};

constexpr int most_rows(const QProduct& /*product*/) { return 8; }

constexpr QTileSet by_pairs = {.isa = Isa::avx512,
                               .instruction = "vdpbf16ps zmm",
                               .features = {"avx512_bf16"},
                               .lanes = 16,
                               .quantize = quantize_avx512};
constexpr QTileSet by_pairs_and_bytes = [] {
  QTileSet set = by_pairs;
  set.features = {"avx512_bf16", "avx512_vbmi"};
  return set;
}();

}  // namespace

constinit const std::array<QTileSet, 3> avx512_nibble_qtile_sets =
    qtile_sets_like<Nibbles, most_rows, 5, 3>(by_pairs);
constinit const std::array<QTileSet, 2> avx512_byte_qtile_sets =
    qtile_sets_like<Bytes, most_rows, 8, 2>(by_pairs_and_bytes);
constinit const std::array<QTileSet, 1> avx512_pair_qtile_sets =
    qtile_sets_like<Plain, most_rows, 10, 1>(by_pairs);

}  // namespace ergon::simd
