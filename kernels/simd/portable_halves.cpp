#include <cstring>

#include "kernels/dtype.h"
#include "kernels/simd/half_tile_sets.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {
namespace {

template <class Number, int count>
struct Numbers {
  Number number[count] = {};
};

template <bool bf16>
struct Halves {
  using Words = Numbers<std::uint16_t, 4>;
  using Vector = Numbers<float, 4>;
  using Sum = Vector;
  static constexpr int lanes = 4, phases = 1;
  template <int phase>
  static Vector load(const std::byte* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    Vector vector;
    for (int i = 0; i < lanes; ++i)
      vector.number[i] = bf16 ? from_bf16(words.number[i]) : from_f16(words.number[i]);
    return vector;
  }
  template <int phase>
  static float broadcast(const std::byte* from) {
    float word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  static void multiply_add(Sum& sum, float left, const Vector& right) {
    for (int i = 0; i < lanes; ++i) sum.number[i] += left * right.number[i];
  }
  static Sum read(const std::byte* from, int columns) {
    Sum sum;
    std::memcpy(&sum, from, static_cast<std::size_t>(columns) * sizeof(float));
    return sum;
  }
  static void write(std::byte* to, const Sum& sum, int columns) {
    std::memcpy(to, &sum, static_cast<std::size_t>(columns) * sizeof(float));
  }
  static Sum add(const Sum& a, const Sum& b) {
    Sum sum;
    for (int i = 0; i < lanes; ++i) sum.number[i] = a.number[i] + b.number[i];
    return sum;
  }
};

// As portable.cpp's.
constexpr int rows = 4, vectors = 2;
constexpr auto f16_tiles = all_tiles<Halves<false>, rows, vectors>();
constexpr auto bf16_tiles = all_tiles<Halves<true>, rows, vectors>();

}  // namespace

constinit const HalfTileSet portable_f16_halves = {
    Isa::portable, false, "C++, f16 widened", "", rows, 4, vectors, f16_tiles.data()};
constinit const HalfTileSet portable_bf16_halves = {
    Isa::portable, true, "C++, bf16 widened", "", rows, 4, vectors, bf16_tiles.data()};

}  // namespace ergon::simd
