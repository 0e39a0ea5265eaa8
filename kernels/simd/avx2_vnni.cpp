// 8-bit integers by vpdpbusd in 256-bit registers: AVX-VNNI, or AVX-512 VNNI with VL where the file
// is compiled for that. A signed left word is moved up by 128, which flips its top bits.
#include "kernels/simd/avx2_words.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

template <bool left_signed>
struct Quads : Avx2Integers {
  using Vector = __m256i;
  template <int phase>
  static Vector load(const std::byte* from) {
    return load_words(from);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    const Vector words = broadcast_word(from);
    return left_signed ? _mm256_xor_si256(words, _mm256_set1_epi8(-128)) : words;
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
#ifdef __AVXVNNI__
    sum = _mm256_dpbusd_avx_epi32(sum, left, right);
#else
    sum = _mm256_dpbusd_epi32(sum, left, right);
#endif
  }
};

constexpr auto s8s8_tiles = all_tiles<Quads<true>, avx2_rows, avx2_vectors>();
constexpr auto u8s8_tiles = all_tiles<Quads<false>, avx2_rows, avx2_vectors>();

}  // namespace

constinit const TileSet avx2_s8s8_quads = {Isa::avx2,
                                           Product::s8s8,
                                           "vpdpbusd ymm",
                                           "avx_vnni",
                                           avx2_rows,
                                           8,
                                           avx2_vectors,
                                           128,
                                           false,
                                           s8s8_tiles.data(),
                                           pack<Avx2Words32, 4, 1>,
                                           finish<std::uint32_t, std::uint32_t>,
                                           nullptr};
constinit const TileSet avx2_u8s8_quads = {Isa::avx2,
                                           Product::u8s8,
                                           "vpdpbusd ymm",
                                           "avx_vnni",
                                           avx2_rows,
                                           8,
                                           avx2_vectors,
                                           0,
                                           false,
                                           u8s8_tiles.data(),
                                           pack<Avx2Words32, 4, 1>,
                                           finish<std::uint32_t, std::uint32_t>,
                                           nullptr};

}  // namespace ergon::simd
