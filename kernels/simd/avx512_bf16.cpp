// bf16 by vdpbf16ps: two products a lane, added to an f32 sum. Denormals are taken, and given, as
// zero (docs/kernels.md).
#include "kernels/simd/avx512_words.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

struct Bf16Pairs : Avx512Floats {
  using Vector = __m512bh;
  template <int phase>
  static Vector load(const std::byte* from) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(word_at(from)));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_dpbf16_ps(sum, left, right);
  }
  // It takes denormals as zero, as the products do.
  static void write_bf16(std::byte* to, Sum sum, int columns) {
    _mm256_mask_storeu_epi16(to, Avx512Words32::first(columns),
                             reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(sum)));
  }
};

constexpr auto tiles = all_tiles<Bf16Pairs, avx512_rows, avx512_vectors>();

}  // namespace

constinit const TileSet avx512_bf16_pairs = {Isa::avx512,
                                             Product::bf16,
                                             "vdpbf16ps zmm",
                                             "avx512_bf16",
                                             avx512_rows,
                                             16,
                                             avx512_vectors,
                                             0,
                                             true,
                                             tiles.data(),
                                             pack<Avx512Words32, 2, 2>,
                                             finish<float, float>,
                                             finish<float, Bf16Bits>};

}  // namespace ergon::simd
