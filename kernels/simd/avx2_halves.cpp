#include <immintrin.h>

#include "kernels/simd/avx2_words.h"
#include "kernels/simd/half_tile_sets.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {
namespace {

template <bool bf16>
struct Halves : Avx2Floats {
  using Words = __m128i;
  using Vector = __m256;
  template <int phase>
  static Vector load(const std::byte* from) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    if constexpr (bf16)
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    else
      return _mm256_cvtph_ps(halves);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return _mm256_castsi256_ps(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm256_fmadd_ps(left, right, sum);
  }
};

constexpr auto f16_tiles = all_tiles<Halves<false>, avx2_rows, avx2_vectors>();
constexpr auto bf16_tiles = all_tiles<Halves<true>, avx2_rows, avx2_vectors>();

}  // namespace

constinit const HalfTileSet avx2_f16_halves = {
    Isa::avx2,    false,           "vcvtph2ps, vfmadd231ps ymm", "f16c", avx2_rows, 8,
    avx2_vectors, f16_tiles.data()};
constinit const HalfTileSet avx2_bf16_halves = {
    Isa::avx2,        true, "bf16 widened, vfmadd231ps ymm", "", avx2_rows, 8, avx2_vectors,
    bf16_tiles.data()};

}  // namespace ergon::simd
