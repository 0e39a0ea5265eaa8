// 8-bit integers by sdot: four products a lane, added to an s32 sum. It takes both operands signed:
// an unsigned left word is moved down by 128, which flips its top bits.
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/neon_words.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

template <bool left_signed>
struct Quads : NeonIntegers {
  using Vector = int8x16_t;
  template <int phase>
  static Vector load(const std::byte* from) {
    return vreinterpretq_s8_u32(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    const uint32x4_t words = broadcast_word(from);
    return vreinterpretq_s8_u32(left_signed ? words : veorq_u32(words, vdupq_n_u32(0x80808080U)));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = vdotq_s32(sum, left, right);
  }
};

constexpr auto s8s8_tiles = all_tiles<Quads<true>, neon_rows, neon_vectors>();
constexpr auto u8s8_tiles = all_tiles<Quads<false>, neon_rows, neon_vectors>();

}  // namespace

constinit const TileSet neon_s8s8_quads = {Isa::neon,
                                           Product::s8s8,
                                           "sdot 4s",
                                           "asimddp",
                                           neon_rows,
                                           4,
                                           neon_vectors,
                                           0,
                                           false,
                                           s8s8_tiles.data(),
                                           pack<NeonWords32, 4, 1>,
                                           finish<std::uint32_t, std::uint32_t>,
                                           nullptr};
constinit const TileSet neon_u8s8_quads = {Isa::neon,
                                           Product::u8s8,
                                           "sdot 4s",
                                           "asimddp",
                                           neon_rows,
                                           4,
                                           neon_vectors,
                                           -128,
                                           false,
                                           u8s8_tiles.data(),
                                           pack<NeonWords32, 4, 1>,
                                           finish<std::uint32_t, std::uint32_t>,
                                           nullptr};

}  // namespace ergon::simd
