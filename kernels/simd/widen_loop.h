// The loops of widen.h, over a Unit that widens `lanes` elements at once: s8_to_bf16(from, to), and
// so on. What is left over goes one by one.
#pragma once

#include <bit>

#include "kernels/dtype.h"
#include "kernels/simd/tile_loop.h"
#include "kernels/simd/widen.h"

namespace ergon::simd {

inline std::uint16_t bf16_of(std::int8_t code) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(code)) >> 16);
}

template <class Unit>
struct WidenLoop {
  static void s8_to_bf16(const std::byte* from, std::byte* to, std::int64_t count) {
    run<std::int8_t, std::uint16_t>(
        from, to, count, [](auto in, auto out) ERGON_INLINE { Unit::s8_to_bf16(in, out); },
        bf16_of);
  }
  static void s8_to_f32(const std::byte* from, std::byte* to, std::int64_t count) {
    run<std::int8_t, float>(
        from, to, count, [](auto in, auto out) ERGON_INLINE { Unit::s8_to_f32(in, out); },
        [](std::int8_t code) { return static_cast<float>(code); });
  }
  static void f16_to_f32(const std::byte* from, std::byte* to, std::int64_t count) {
    run<std::uint16_t, float>(
        from, to, count, [](auto in, auto out) ERGON_INLINE { Unit::f16_to_f32(in, out); },
        from_f16);
  }
  static void bf16_to_f32(const std::byte* from, std::byte* to, std::int64_t count) {
    run<std::uint16_t, float>(
        from, to, count, [](auto in, auto out) ERGON_INLINE { Unit::bf16_to_f32(in, out); },
        from_bf16);
  }

 private:
  template <class In, class Out, class Block, class One>
  static void run(const std::byte* from, std::byte* to, std::int64_t count, Block block, One one) {
    const auto* in = reinterpret_cast<const In*>(from);
    auto* out = reinterpret_cast<Out*>(to);
    std::int64_t i = 0;
    for (; i + Unit::lanes <= count; i += Unit::lanes) block(in + i, out + i);
    for (; i < count; ++i) out[i] = one(in[i]);
  }
};

}  // namespace ergon::simd
