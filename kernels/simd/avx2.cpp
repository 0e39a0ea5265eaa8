// AVX2 and FMA: f64 and f32, bf16 widened to f32, 8-bit integers widened to 16 bits.
#include "kernels/simd/avx2_words.h"
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

struct F64 {
  using Words = __m256i;
  using Vector = __m256d;
  using Sum = __m256d;
  static constexpr int lanes = 4, phases = 1;
  template <int phase>
  static Vector load(const std::byte* from) {
    return _mm256_castsi256_pd(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    double word;
    __builtin_memcpy(&word, from, sizeof word);
    return _mm256_set1_pd(word);
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm256_fmadd_pd(left, right, sum);
  }
  static Sum read(const std::byte* from, int columns) {
    return _mm256_castsi256_pd(Avx2Words64::read(from, 8 * columns));
  }
  static void write(std::byte* to, Sum sum, int columns) {
    Avx2Words64::write(to, _mm256_castpd_si256(sum), columns);
  }
  static Sum add(Sum a, Sum b) { return _mm256_add_pd(a, b); }
};

struct F32 : Avx2Floats {
  using Vector = __m256;
  template <int phase>
  static Vector load(const std::byte* from) {
    return _mm256_castsi256_ps(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return _mm256_castsi256_ps(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm256_fmadd_ps(left, right, sum);
  }
};

// A bf16 is the upper half of the float of the same value: even elements are shifted up, odd ones
// stand there.
struct Bf16 : Avx2Floats {
  using Vector = __m256;
  static constexpr int phases = 2;
  template <int phase>
  static Vector half(__m256i words) {
    return _mm256_castsi256_ps(phase == 0 ? _mm256_slli_epi32(words, 16)
                                          : _mm256_and_si256(words, _mm256_set1_epi32(-65536)));
  }
  template <int phase>
  static Vector load(const std::byte* from) {
    return half<phase>(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return half<phase>(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm256_fmadd_ps(left, right, sum);
  }
};

// vpmaddubsw would saturate: bytes are widened to 16 bits, even ones first.
template <bool left_signed>
struct Bytes : Avx2Integers {
  using Vector = __m256i;
  static constexpr int phases = 2;
  template <int phase, bool is_signed>
  static Vector half(__m256i words) {
    if constexpr (is_signed)
      return _mm256_srai_epi16(phase == 0 ? _mm256_slli_epi16(words, 8) : words, 8);
    return phase == 0 ? _mm256_and_si256(words, _mm256_set1_epi16(255))
                      : _mm256_srli_epi16(words, 8);
  }
  template <int phase>
  static Vector load(const std::byte* from) {
    return half<phase, true>(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return half<phase, left_signed>(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(left, right));
  }
};

constexpr int rows = avx2_rows, vectors = avx2_vectors;
// Widening takes registers of its own; more rows would spill (counted in the disassembly).
constexpr int bf16_rows = 4, byte_rows = 3;

constexpr auto f64_tiles = all_tiles<F64, rows, vectors>();
constexpr auto f32_tiles = all_tiles<F32, rows, vectors>();
constexpr auto bf16_tiles = all_tiles<Bf16, bf16_rows, vectors>();
constexpr auto s8s8_tiles = all_tiles<Bytes<true>, byte_rows, vectors>();
constexpr auto u8s8_tiles = all_tiles<Bytes<false>, byte_rows, vectors>();

}  // namespace

constinit const TileSet avx2_f64 = {Isa::avx2,
                                    Product::f64,
                                    "vfmadd231pd ymm",
                                    "",
                                    rows,
                                    4,
                                    vectors,
                                    0,
                                    false,
                                    f64_tiles.data(),
                                    pack<Avx2Words64, 1, 8>,
                                    finish<double, double>,
                                    nullptr};
constinit const TileSet avx2_f32 = {Isa::avx2,
                                    Product::f32,
                                    "vfmadd231ps ymm",
                                    "",
                                    rows,
                                    8,
                                    vectors,
                                    0,
                                    false,
                                    f32_tiles.data(),
                                    pack<Avx2Words32, 1, 4>,
                                    finish<float, float>,
                                    finish<float, Bf16Bits>};
constinit const TileSet avx2_bf16 = {Isa::avx2,
                                     Product::bf16,
                                     "bf16 widened, vfmadd231ps ymm",
                                     "",
                                     bf16_rows,
                                     8,
                                     vectors,
                                     0,
                                     false,
                                     bf16_tiles.data(),
                                     pack<Avx2Words32, 2, 2>,
                                     finish<float, float>,
                                     finish<float, Bf16Bits>};
constinit const TileSet avx2_s8s8 = {Isa::avx2,
                                     Product::s8s8,
                                     "s8 widened, vpmaddwd ymm",
                                     "",
                                     byte_rows,
                                     8,
                                     vectors,
                                     0,
                                     false,
                                     s8s8_tiles.data(),
                                     pack<Avx2Words32, 4, 1>,
                                     finish<std::uint32_t, std::uint32_t>,
                                     nullptr};
constinit const TileSet avx2_u8s8 = {Isa::avx2,
                                     Product::u8s8,
                                     "u8 and s8 widened, vpmaddwd ymm",
                                     "",
                                     byte_rows,
                                     8,
                                     vectors,
                                     0,
                                     false,
                                     u8s8_tiles.data(),
                                     pack<Avx2Words32, 4, 1>,
                                     finish<std::uint32_t, std::uint32_t>,
                                     nullptr};

}  // namespace ergon::simd
