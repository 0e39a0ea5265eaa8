// One element at a time, of which compilers make vectors where they can.
#include "kernels/simd/widen_loop.h"
#include "kernels/simd/widen_sets.h"

namespace ergon::simd {
namespace {

struct Portable {
  static constexpr int lanes = 1;
  static void s8_to_bf16(const std::int8_t* from, std::uint16_t* to) { *to = bf16_of(*from); }
  static void s8_to_f32(const std::int8_t* from, float* to) { *to = static_cast<float>(*from); }
  static void f16_to_f32(const std::uint16_t* from, float* to) { *to = from_f16(*from); }
  static void bf16_to_f32(const std::uint16_t* from, float* to) { *to = from_bf16(*from); }
};

using Loop = WidenLoop<Portable>;

}  // namespace

constinit const WidenSet portable_widen = {
    Isa::portable, "", Loop::s8_to_bf16, Loop::s8_to_f32, Loop::f16_to_f32, Loop::bf16_to_f32};

}  // namespace ergon::simd
