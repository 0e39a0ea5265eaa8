// C++ for any processor: elements are widened to their sum's type one by one. The compiler may use
// the vectors of the build's own processor, 128 bits where nothing else is said.
#include <bit>
#include <cstring>
#include <utility>

#include "kernels/simd/finish_loop.h"
#include "kernels/simd/portable_words.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/tile_sets.h"

namespace ergon::simd {
namespace {

template <class Number, int count>
struct Numbers {
  Number number[count] = {};
};

/// Sums of `Number`, words of `Word` whose element `phase` is a `Left` or a `Right` number.
template <class Number, class Word, int count, int parts, class Left, class Right>
struct Unit {
  using Words = Numbers<Word, count>;
  using Vector = Numbers<Number, count>;
  using Sum = Numbers<Number, count>;
  static constexpr int lanes = count, phases = parts;

  template <int phase>
  static Vector load(const std::byte* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    Vector vector;
    for (int i = 0; i < count; ++i) vector.number[i] = Right::part(words.number[i], phase);
    return vector;
  }
  template <int phase>
  static Number broadcast(const std::byte* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return Left::part(word, phase);
  }
  static void multiply_add(Sum& sum, Number left, const Vector& right) {
    for (int i = 0; i < count; ++i) sum.number[i] += left * right.number[i];
  }
  static Sum read(const std::byte* from, int columns) {
    Sum sum;
    std::memcpy(&sum, from, static_cast<std::size_t>(columns) * sizeof(Number));
    return sum;
  }
  static void write(std::byte* to, const Sum& sum, int columns) {
    std::memcpy(to, &sum, static_cast<std::size_t>(columns) * sizeof(Number));
  }
  static Sum add(const Sum& a, const Sum& b) {
    Sum sum;
    for (int i = 0; i < count; ++i) sum.number[i] = a.number[i] + b.number[i];
    return sum;
  }
};

struct Whole {
  template <class Word>
  static Word part(Word word, int /*phase*/) {
    return word;
  }
};
struct Bf16Part {
  static float part(std::uint32_t word, int phase) {
    return std::bit_cast<float>(phase == 0 ? word << 16 : word & 0xffff0000U);
  }
};
// The bytes of a word as they lie in memory, on little-endian processors, which all here are. Sums
// are unsigned, because they may wrap.
struct SignedByte {
  static std::uint32_t part(std::uint32_t word, int phase) {
    return static_cast<std::uint32_t>(
        static_cast<std::int32_t>(static_cast<std::int8_t>(word >> (8 * phase))));
  }
};
struct UnsignedByte {
  static std::uint32_t part(std::uint32_t word, int phase) { return (word >> (8 * phase)) & 255U; }
};

static_assert(std::endian::native == std::endian::little);

// 4 x 2 vectors of 128 bits: half of the 16 registers that x86-64 has at least.
constexpr int rows = 4, vectors = 2;

constexpr auto f64_tiles = all_tiles<Unit<double, double, 2, 1, Whole, Whole>, rows, vectors>();
constexpr auto f32_tiles = all_tiles<Unit<float, float, 4, 1, Whole, Whole>, rows, vectors>();
constexpr auto bf16_tiles =
    all_tiles<Unit<float, std::uint32_t, 4, 2, Bf16Part, Bf16Part>, rows, vectors>();
constexpr auto s8s8_tiles =
    all_tiles<Unit<std::uint32_t, std::uint32_t, 4, 4, SignedByte, SignedByte>, rows, vectors>();
constexpr auto u8s8_tiles =
    all_tiles<Unit<std::uint32_t, std::uint32_t, 4, 4, UnsignedByte, SignedByte>, rows, vectors>();

using Words32 = PortableWords<std::uint32_t, 4>;
using Words64 = PortableWords<std::uint64_t, 2>;

}  // namespace

constinit const TileSet portable_f64 = {Isa::portable,
                                        Product::f64,
                                        "C++",
                                        "",
                                        rows,
                                        2,
                                        vectors,
                                        0,
                                        false,
                                        f64_tiles.data(),
                                        pack<Words64, 1, 8>,
                                        finish<double, double>,
                                        nullptr};
constinit const TileSet portable_f32 = {Isa::portable,
                                        Product::f32,
                                        "C++",
                                        "",
                                        rows,
                                        4,
                                        vectors,
                                        0,
                                        false,
                                        f32_tiles.data(),
                                        pack<Words32, 1, 4>,
                                        finish<float, float>,
                                        finish<float, Bf16Bits>};
constinit const TileSet portable_bf16 = {Isa::portable,
                                         Product::bf16,
                                         "C++",
                                         "",
                                         rows,
                                         4,
                                         vectors,
                                         0,
                                         false,
                                         bf16_tiles.data(),
                                         pack<Words32, 2, 2>,
                                         finish<float, float>,
                                         finish<float, Bf16Bits>};
constinit const TileSet portable_s8s8 = {Isa::portable,
                                         Product::s8s8,
                                         "C++",
                                         "",
                                         rows,
                                         4,
                                         vectors,
                                         0,
                                         false,
                                         s8s8_tiles.data(),
                                         pack<Words32, 4, 1>,
                                         finish<std::uint32_t, std::uint32_t>,
                                         nullptr};
constinit const TileSet portable_u8s8 = {Isa::portable,
                                         Product::u8s8,
                                         "C++",
                                         "",
                                         rows,
                                         4,
                                         vectors,
                                         0,
                                         false,
                                         u8s8_tiles.data(),
                                         pack<Words32, 4, 1>,
                                         finish<std::uint32_t, std::uint32_t>,
                                         nullptr};

}  // namespace ergon::simd
