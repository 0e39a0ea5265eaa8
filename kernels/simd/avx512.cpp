// AVX-512 without extensions: f64 and f32 by FMA, bf16 widened to f32, 8-bit integers widened to 16
// bits.
#include "kernels/simd/avx512_words.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

struct F64 {
  using Words = __m512i;
  using Vector = __m512d;
  using Sum = __m512d;
  static constexpr int lanes = 8, phases = 1;
  template <int phase>
  static Vector load(const std::byte* from) {
    return _mm512_loadu_pd(from);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    double word;
    __builtin_memcpy(&word, from, sizeof word);
    return _mm512_set1_pd(word);
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_fmadd_pd(left, right, sum);
  }
  static Sum read(const std::byte* from, int columns) {
    return _mm512_maskz_loadu_pd(Avx512Words64::first(columns), from);
  }
  static void write(std::byte* to, Sum sum, int columns) {
    _mm512_mask_storeu_pd(to, Avx512Words64::first(columns), sum);
  }
  static Sum add(Sum a, Sum b) { return _mm512_add_pd(a, b); }
};

struct F32 : Avx512Floats {
  using Vector = __m512;
  template <int phase>
  static Vector load(const std::byte* from) {
    return _mm512_loadu_ps(from);
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    float word;
    __builtin_memcpy(&word, from, sizeof word);
    return _mm512_set1_ps(word);
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_fmadd_ps(left, right, sum);
  }
};

// A bf16 is the upper half of the float of the same value: even elements are shifted up, odd ones
// stand there.
struct Bf16 : Avx512Floats {
  using Vector = __m512;
  static constexpr int phases = 2;
  template <int phase>
  static Vector half(__m512i words) {
    return _mm512_castsi512_ps(phase == 0 ? _mm512_slli_epi32(words, 16)
                                          : _mm512_and_si512(words, _mm512_set1_epi32(-65536)));
  }
  template <int phase>
  static Vector load(const std::byte* from) {
    return half<phase>(_mm512_loadu_si512(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return half<phase>(_mm512_set1_epi32(word_at(from)));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_fmadd_ps(left, right, sum);
  }
};

// vpmaddubsw would saturate: bytes are widened to 16 bits, even ones first.
template <bool left_signed>
struct Bytes : Avx512Integers {
  using Vector = __m512i;
  static constexpr int phases = 2;
  template <int phase, bool is_signed>
  static Vector half(__m512i words) {
    if constexpr (is_signed)
      return _mm512_srai_epi16(phase == 0 ? _mm512_slli_epi16(words, 8) : words, 8);
    return phase == 0 ? _mm512_and_si512(words, _mm512_set1_epi16(255))
                      : _mm512_srli_epi16(words, 8);
  }
  template <int phase>
  static Vector load(const std::byte* from) {
    return half<phase, true>(_mm512_loadu_si512(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return half<phase, left_signed>(_mm512_set1_epi32(word_at(from)));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(left, right));
  }
};

constexpr int rows = avx512_rows, vectors = avx512_vectors;
// Widening takes registers of its own; more rows would spill (counted in the disassembly).
constexpr int bf16_rows = 13, byte_rows = 6;

constexpr auto f64_tiles = all_tiles<F64, rows, vectors>();
constexpr auto f32_tiles = all_tiles<F32, rows, vectors>();
constexpr auto bf16_tiles = all_tiles<Bf16, bf16_rows, vectors>();
constexpr auto s8s8_tiles = all_tiles<Bytes<true>, byte_rows, vectors>();
constexpr auto u8s8_tiles = all_tiles<Bytes<false>, byte_rows, vectors>();

}  // namespace

constinit const TileSet avx512_f64 = {Isa::avx512,
                                      Product::f64,
                                      "vfmadd231pd zmm",
                                      "",
                                      rows,
                                      8,
                                      vectors,
                                      0,
                                      false,
                                      f64_tiles.data(),
                                      pack<Avx512Words64, 1, 8>,
                                      finish<double, double>,
                                      nullptr};
constinit const TileSet avx512_f32 = {Isa::avx512,
                                      Product::f32,
                                      "vfmadd231ps zmm",
                                      "",
                                      rows,
                                      16,
                                      vectors,
                                      0,
                                      false,
                                      f32_tiles.data(),
                                      pack<Avx512Words32, 1, 4>,
                                      finish<float, float>,
                                      finish<float, Bf16Bits>};
constinit const TileSet avx512_bf16 = {Isa::avx512,
                                       Product::bf16,
                                       "bf16 widened, vfmadd231ps zmm",
                                       "",
                                       bf16_rows,
                                       16,
                                       vectors,
                                       0,
                                       false,
                                       bf16_tiles.data(),
                                       pack<Avx512Words32, 2, 2>,
                                       finish<float, float>,
                                       finish<float, Bf16Bits>};
constinit const TileSet avx512_s8s8 = {Isa::avx512,
                                       Product::s8s8,
                                       "s8 widened, vpmaddwd zmm",
                                       "",
                                       byte_rows,
                                       16,
                                       vectors,
                                       0,
                                       false,
                                       s8s8_tiles.data(),
                                       pack<Avx512Words32, 4, 1>,
                                       finish<std::uint32_t, std::uint32_t>,
                                       nullptr};
constinit const TileSet avx512_u8s8 = {Isa::avx512,
                                       Product::u8s8,
                                       "u8 and s8 widened, vpmaddwd zmm",
                                       "",
                                       byte_rows,
                                       16,
                                       vectors,
                                       0,
                                       false,
                                       u8s8_tiles.data(),
                                       pack<Avx512Words32, 4, 1>,
                                       finish<std::uint32_t, std::uint32_t>,
                                       nullptr};

}  // namespace ergon::simd
