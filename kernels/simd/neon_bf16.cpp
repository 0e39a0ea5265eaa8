// bf16 by bfdot: two products a lane, added to an f32 sum. Like vdpbf16ps it takes, and gives,
// denormals as zero; it rounds in its own way (docs/kernels.md).
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/neon_words.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

struct Bf16Pairs : NeonFloats {
  using Vector = bfloat16x8_t;
  template <int phase>
  static Vector load(const std::byte* from) {
    return vreinterpretq_bf16_u32(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return vreinterpretq_bf16_u32(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = vbfdotq_f32(sum, left, right);
  }
};

constexpr auto tiles = all_tiles<Bf16Pairs, neon_rows, neon_vectors>();

}  // namespace

constinit const TileSet neon_bf16_pairs = {Isa::neon,
                                           Product::bf16,
                                           "bfdot 4s",
                                           "bf16",
                                           neon_rows,
                                           4,
                                           neon_vectors,
                                           0,
                                           false,
                                           tiles.data(),
                                           pack<NeonWords32, 2, 2>,
                                           finish<float, float>,
                                           finish<float, Bf16Bits>};

}  // namespace ergon::simd
