// 8-bit integers by vpdpbusd: four products a lane, added to an s32 sum without saturation. It
// takes its first operand unsigned: a signed left word is moved up by 128, which flips its top
// bits.
#include "kernels/simd/avx512_words.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

template <bool left_signed>
struct Quads : Avx512Integers {
  using Vector = __m512i;
  template <int phase>
  static Vector load(const std::byte* from) {
    return _mm512_loadu_si512(from);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    const Vector words = _mm512_set1_epi32(word_at(from));
    return left_signed ? _mm512_xor_si512(words, _mm512_set1_epi8(-128)) : words;
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_dpbusd_epi32(sum, left, right);
  }
};

constexpr auto s8s8_tiles = all_tiles<Quads<true>, avx512_rows, avx512_vectors>();
constexpr auto u8s8_tiles = all_tiles<Quads<false>, avx512_rows, avx512_vectors>();

}  // namespace

constinit const TileSet avx512_s8s8_quads = {Isa::avx512,
                                             Product::s8s8,
                                             "vpdpbusd zmm",
                                             "avx512_vnni",
                                             avx512_rows,
                                             16,
                                             avx512_vectors,
                                             128,
                                             false,
                                             s8s8_tiles.data(),
                                             pack<Avx512Words32, 4, 1>,
                                             finish<std::uint32_t, std::uint32_t>,
                                             nullptr};
constinit const TileSet avx512_u8s8_quads = {Isa::avx512,
                                             Product::u8s8,
                                             "vpdpbusd zmm",
                                             "avx512_vnni",
                                             avx512_rows,
                                             16,
                                             avx512_vectors,
                                             0,
                                             false,
                                             u8s8_tiles.data(),
                                             pack<Avx512Words32, 4, 1>,
                                             finish<std::uint32_t, std::uint32_t>,
                                             nullptr};

}  // namespace ergon::simd
