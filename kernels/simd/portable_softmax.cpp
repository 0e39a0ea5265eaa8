// Vectors of the compiler's own: 128 bits on every processor that has any.
#include <cstring>

#include "kernels/simd/softmax_loop.h"
#include "kernels/simd/softmax_sets.h"

namespace ergon::simd {
namespace {

struct Portable {
  using F = float __attribute__((vector_size(16)));
  using I = std::int32_t __attribute__((vector_size(16)));
  using U = std::uint32_t __attribute__((vector_size(16)));
  using Half = std::uint16_t __attribute__((vector_size(8)));
  static constexpr int lanes = 4;

  template <class To>
  static To bits(const void* from) {
    To value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  static F load(const float* from) { return bits<F>(from); }
  static I load(const std::int32_t* from) { return bits<I>(from); }
  static void store(float* to, F value) { std::memcpy(to, &value, sizeof value); }
  static F largest(F a, F b) { return a > b ? a : b; }
  static float most(F a) {
    float value = a[0];
    for (int i = 1; i < lanes; ++i) value = a[i] > value ? a[i] : value;
    return value;
  }
  static float total(F a) {
    float value = 0;
    for (int i = 0; i < lanes; ++i) value += a[i];
    return value;
  }
  static bool any_not(F a, float value) {
    bool any = false;
    for (int i = 0; i < lanes; ++i) any |= a[i] != value;
    return any;
  }
  template <int degree>
  static F power(F x) {
    const I far = x > -126;
    const F near = far ? x : F{};
    I whole = __builtin_convertvector(near, I);  // towards zero
    whole += near < __builtin_convertvector(whole, F);
    const F value = polynomial<degree>(near - __builtin_convertvector(whole, F));
    const I scaled = (bits<I>(&value) + (whole << 23)) & far;
    return bits<F>(&scaled);
  }
  /// Rounded to nearest even, in the lower half; not for NaN.
  static U rounded(F value) {
    const U of = bits<U>(&value);
    return (of + 0x7fff + ((of >> 16) & 1)) >> 16;
  }
  static void weave(const std::uint16_t* low, const std::uint16_t* high, std::uint32_t* to) {
    const U words = __builtin_convertvector(bits<Half>(low), U) |
                    (__builtin_convertvector(bits<Half>(high), U) << 16);
    std::memcpy(to, &words, sizeof words);
  }
  static void store_pairs(std::byte* to, F a, F b) {
    const U words = rounded(a) | (rounded(b) << 16);
    std::memcpy(to, &words, sizeof words);
  }
  static void store_bf16(std::byte* to, F a) {
    const Half halves = __builtin_convertvector(rounded(a), Half);
    std::memcpy(to, &halves, sizeof halves);
  }
};

using Loop = SoftmaxLoop<Portable>;

}  // namespace

constinit const SoftmaxSet portable_softmax_f32 = {
    Isa::portable, false,          "",         Loop::columns<false>, Loop::row<false>,
    Loop::scale,   Loop::positive, Loop::weave};
constinit const SoftmaxSet portable_softmax_bf16 = {
    Isa::portable, true,           "",         Loop::columns<true>, Loop::row<true>,
    Loop::scale,   Loop::positive, Loop::weave};

}  // namespace ergon::simd
