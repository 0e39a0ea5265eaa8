#include "kernels/simd/avx512_words.h"
#include "kernels/simd/half_tile_sets.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {
namespace {

template <bool bf16>
struct Halves : Avx512Floats {
  using Words = __m256i;
  using Vector = __m512;
  template <int phase>
  static Vector load(const std::byte* from) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    if constexpr (bf16)
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
    else
      return _mm512_cvtph_ps(halves);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(word_at(from)));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_fmadd_ps(left, right, sum);
  }
};

constexpr auto f16_tiles = all_tiles<Halves<false>, avx512_rows, avx512_vectors>();
constexpr auto bf16_tiles = all_tiles<Halves<true>, avx512_rows, avx512_vectors>();

}  // namespace

constinit const HalfTileSet avx512_f16_halves = {
    Isa::avx512,    false,           "vcvtph2ps, vfmadd231ps zmm", "", avx512_rows, 16,
    avx512_vectors, f16_tiles.data()};
constinit const HalfTileSet avx512_bf16_halves = {
    Isa::avx512,      true, "bf16 widened, vfmadd231ps zmm", "", avx512_rows, 16, avx512_vectors,
    bf16_tiles.data()};

}  // namespace ergon::simd
