// Armv8-A without extensions: f64 and f32 by FMA, bf16 widened to f32, 8-bit integers widened to 16
// bits.
#include "kernels/simd/finish_loop.h"
#include "kernels/simd/neon_words.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

struct F64 {
  using Words = uint64x2_t;
  using Vector = float64x2_t;
  using Sum = float64x2_t;
  static constexpr int lanes = 2, phases = 1;
  template <int phase>
  static Vector load(const std::byte* from) {
    return vreinterpretq_f64_u32(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    double word;
    std::memcpy(&word, from, sizeof word);
    return vdupq_n_f64(word);
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = vfmaq_f64(sum, left, right);
  }
  static Sum read(const std::byte* from, int columns) {
    return vreinterpretq_f64_u64(NeonWords64::read(from, 8 * columns));
  }
  static void write(std::byte* to, Sum sum, int columns) {
    NeonWords64::write(to, vreinterpretq_u64_f64(sum), columns);
  }
  static Sum add(Sum a, Sum b) { return vaddq_f64(a, b); }
};

struct F32 : NeonFloats {
  using Vector = float32x4_t;
  template <int phase>
  static Vector load(const std::byte* from) {
    return vreinterpretq_f32_u32(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return vreinterpretq_f32_u32(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = vfmaq_f32(sum, left, right);
  }
};

// A bf16 is the upper half of the float of the same value: even elements are shifted up, odd ones
// stand there.
struct Bf16 : NeonFloats {
  using Vector = float32x4_t;
  static constexpr int phases = 2;
  template <int phase>
  static Vector half(uint32x4_t words) {
    return vreinterpretq_f32_u32(phase == 0 ? vshlq_n_u32(words, 16)
                                            : vandq_u32(words, vdupq_n_u32(0xffff0000U)));
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
    sum = vfmaq_f32(sum, left, right);
  }
};

// Bytes are widened to 32 bits, one of a word at a time.
template <bool left_signed>
struct Bytes : NeonIntegers {
  using Vector = int32x4_t;
  static constexpr int phases = 4;
  template <int phase, bool is_signed>
  static Vector quarter(uint32x4_t words) {
    const uint32x4_t top = vshlq_n_u32(words, 24 - 8 * phase);
    if constexpr (is_signed) return vshrq_n_s32(vreinterpretq_s32_u32(top), 24);
    return vreinterpretq_s32_u32(vshrq_n_u32(top, 24));
  }
  template <int phase>
  static Vector load(const std::byte* from) {
    return quarter<phase, true>(load_words(from));
  }
  template <int phase>
  static Vector broadcast(const std::byte* from) {
    return quarter<phase, left_signed>(broadcast_word(from));
  }
  static void multiply_add(Sum& sum, Vector left, Vector right) {
    sum = vmlaq_s32(sum, left, right);
  }
};

constexpr int rows = neon_rows, vectors = neon_vectors;

constexpr auto f64_tiles = all_tiles<F64, rows, vectors>();
constexpr auto f32_tiles = all_tiles<F32, rows, vectors>();
constexpr auto bf16_tiles = all_tiles<Bf16, rows, vectors>();
constexpr auto s8s8_tiles = all_tiles<Bytes<true>, rows, vectors>();
constexpr auto u8s8_tiles = all_tiles<Bytes<false>, rows, vectors>();

}  // namespace

constinit const TileSet neon_f64 = {Isa::neon,
                                    Product::f64,
                                    "fmla 2d",
                                    "",
                                    rows,
                                    2,
                                    vectors,
                                    0,
                                    false,
                                    f64_tiles.data(),
                                    pack<NeonWords64, 1, 8>,
                                    finish<double, double>,
                                    nullptr};
constinit const TileSet neon_f32 = {Isa::neon,
                                    Product::f32,
                                    "fmla 4s",
                                    "",
                                    rows,
                                    4,
                                    vectors,
                                    0,
                                    false,
                                    f32_tiles.data(),
                                    pack<NeonWords32, 1, 4>,
                                    finish<float, float>,
                                    finish<float, Bf16Bits>};
constinit const TileSet neon_bf16 = {Isa::neon,
                                     Product::bf16,
                                     "bf16 widened, fmla 4s",
                                     "",
                                     rows,
                                     4,
                                     vectors,
                                     0,
                                     false,
                                     bf16_tiles.data(),
                                     pack<NeonWords32, 2, 2>,
                                     finish<float, float>,
                                     finish<float, Bf16Bits>};
constinit const TileSet neon_s8s8 = {Isa::neon,
                                     Product::s8s8,
                                     "s8 widened, mla 4s",
                                     "",
                                     rows,
                                     4,
                                     vectors,
                                     0,
                                     false,
                                     s8s8_tiles.data(),
                                     pack<NeonWords32, 4, 1>,
                                     finish<std::uint32_t, std::uint32_t>,
                                     nullptr};
constinit const TileSet neon_u8s8 = {Isa::neon,
                                     Product::u8s8,
                                     "u8 and s8 widened, mla 4s",
                                     "",
                                     rows,
                                     4,
                                     vectors,
                                     0,
                                     false,
                                     u8s8_tiles.data(),
                                     pack<NeonWords32, 4, 1>,
                                     finish<std::uint32_t, std::uint32_t>,
                                     nullptr};

}  // namespace ergon::simd
