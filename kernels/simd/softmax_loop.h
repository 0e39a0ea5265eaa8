// The softmax step of every instruction set, over a Unit:
//
//   F, I                      vectors of `lanes` floats and integers, of the compiler's own kind
//   load(p), store(p, v)      unaligned
//   largest(a, b)             the larger one
//   most(a), total(a)         of its lanes, the largest, the sum
//   any_not(a, value)         whether any lane is another value
//   power<degree>(x)          2^x for x <= 9, 0 for minus infinity
//   store_pairs(p, a, b)      words of bf16: a in the lower halves, b in the upper ones
//   store_bf16(p, a)          as bf16, side by side
//   weave(p, q, to)           `lanes` 16-bit elements each: p's in the lower halves of words,
//                             q's in the upper ones
#pragma once

#include <cmath>
#include <limits>

#include "kernels/simd/softmax.h"
#include "kernels/simd/tile_loop.h"

namespace ergon::simd {

constexpr float raise_above = 8;

/// Relative errors: degree 3: 7.5e-5, degree 6: 1.9e-9 (Remez, on [0, 1)).
template <int degree>
inline constexpr float power_of_two[1] = {};
template <>
inline constexpr float power_of_two<3>[4] = {0.99992521856401F, 0.695833540506448F,
                                             0.22606715539313F, 0.07802452266443F};
template <>
inline constexpr float power_of_two<6>[7] = {
    1.0000000018558F,   0.6931469838406F,  0.2402298362740F,  0.05548334198450F,
    0.009678840996166F, 0.00124396878277F, 0.000217022502555F};

template <int degree, class F>
ERGON_INLINE inline F polynomial(F fraction) {
  F value = F{} + power_of_two<degree>[degree];
  unrolled<degree>([&](auto i) ERGON_INLINE {
    value = value * fraction + power_of_two<degree>[degree - 1 - static_cast<int>(i)];
  });
  return value;
}

template <class Unit>
struct SoftmaxLoop {
  using F = typename Unit::F;
  using I = typename Unit::I;
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  static F all(float value) { return F{} + value; }
  static F choose(I yes, F a, F b) { return yes ? a : b; }

  /// tanh: near 0 an odd polynomial (relative error 1.2e-7 below 0.625), else by a power of two.
  static F hyperbolic_tangent(F y) {
    constexpr float log2_e = 1.44269504088896F;
    const F size = y < 0 ? -y : y, square = y * y;
    const F near = y + y * square *
                           (-0.33332341242215F +
                            square * (0.1330817506036F +
                                      square * (-0.0519479044694F + square * 0.0151953732247F)));
    const F power = Unit::template power<6>(-2 * log2_e * size);
    const F far = (1 - power) / (1 + power);
    return size < 0.625F ? near : y < 0 ? -far : far;
  }

  /// What scale_log2 is left to multiply afterwards.
  static F capped(F logit, const SoftmaxCall& call) {
    constexpr float ln_2 = 0.693147180559945F, log2_e = 1.44269504088896F;
    return hyperbolic_tangent(logit * (call.scale_log2 * ln_2 / call.soft_cap)) *
           (call.soft_cap * log2_e);
  }

  struct Raised {
    F to, rescale;
  };
  /// `found`: the largest of the block, scaled. Minus infinity stands for nothing yet.
  static Raised raised(F before, F found) {
    const F to = choose(found > before + raise_above, found, before);
    const F rescale = Unit::template power<6>(choose(to > before, before - to, F{}));
    return {to, rescale};
  }
  /// What to take away: nothing where nothing has been seen, so that minus infinity stays so.
  static F base(F largest) { return choose(largest == -infinity, F{}, largest); }

  template <bool bf16>
  static bool columns(const SoftmaxColumns& given) {
    const SoftmaxColumns call = given;
    const bool scales = call.soft_cap > 0 || call.key_scale != nullptr;
    const float scale = call.soft_cap > 0 ? 1 : call.scale_log2;
    bool any = false;
    for (int lane = 0; lane < call.lanes; lane += Unit::lanes) {
      if (scales) change(call, lane);
      leave_out(call, lane, 0, call.all_first);
      leave_out(call, lane, call.all_end, call.keys);
      any = column<bf16>(call, lane, scale) || any;
    }
    return any;
  }

  /// Scales and caps.
  static void change(const SoftmaxColumns& call, int lane) {
    float* at = call.logits + lane;
    for (int key = 0; key < call.keys; ++key, at += call.lanes) {
      F x = Unit::load(at);
      if (call.key_scale != nullptr) x *= call.key_scale[key];
      if (call.soft_cap > 0) x = capped(x, call);
      Unit::store(at, x);
    }
  }

  static void leave_out(const SoftmaxColumns& call, int lane, int from, int to) {
    if (from >= to) return;
    const I first = Unit::load(call.first + lane) - call.first_key;
    const I end = Unit::load(call.end + lane) - call.first_key;
    for (int key = from; key < to; ++key) {
      float* at = call.logits + key * static_cast<std::int64_t>(call.lanes) + lane;
      Unit::store(at, choose((first <= key) & (end > key), Unit::load(at), all(-infinity)));
    }
  }

  template <bool bf16>
  static bool column(const SoftmaxColumns& call, int lane, float scale) {
    const float* at = call.logits + lane;
    const std::int64_t row = call.lanes;
    F found = all(-infinity), also = found;
    int key = 0;
    for (; key + 2 <= call.keys; key += 2) {
      found = Unit::largest(found, Unit::load(at + key * row));
      also = Unit::largest(also, Unit::load(at + (key + 1) * row));
    }
    if (key < call.keys) found = Unit::largest(found, Unit::load(at + key * row));
    const F before = Unit::load(call.largest + lane);
    const Raised now = raised(before, Unit::largest(found, also) * scale);
    const F least = base(now.to);

    F sum = F{}, other = F{};
    const auto weight = [&](int k) ERGON_INLINE {
      return Unit::template power < bf16 ? 3 : 6 > (Unit::load(at + k * row) * scale - least);
    };
    const auto scaled = [&](F value, int k) ERGON_INLINE {
      return call.value_scale == nullptr ? value : value * call.value_scale[k];
    };
    std::byte* to = call.weights + lane * sizeof(float);
    const auto step = static_cast<std::int64_t>(call.lanes * sizeof(float));
    for (key = 0; key + 2 <= call.keys; key += 2) {
      const F a = weight(key), b = weight(key + 1);
      sum += a;
      other += b;
      put<bf16>(to, step, scaled(a, key), scaled(b, key + 1));
    }
    if (key < call.keys) {
      const F a = weight(key);
      sum += a;
      if constexpr (bf16)
        Unit::store_pairs(to, scaled(a, key), F{});
      else
        Unit::store(reinterpret_cast<float*>(to), scaled(a, key));
    }
    Unit::store(call.largest + lane, now.to);
    Unit::store(call.rescale + lane, now.rescale);
    Unit::store(call.sum + lane, Unit::load(call.sum + lane) * now.rescale + (sum + other));
    return Unit::any_not(now.rescale, 1);
  }

  template <bool bf16>
  static void put(std::byte*& to, std::int64_t step, F a, F b) {
    if constexpr (bf16) {
      Unit::store_pairs(to, a, b);
      to += step;
    } else {
      Unit::store(reinterpret_cast<float*>(to), a);
      Unit::store(reinterpret_cast<float*>(to + step), b);
      to += 2 * step;
    }
  }

  template <bool bf16>
  static bool row(const SoftmaxRow& given) {
    const SoftmaxRow call = given;
    const float scale = call.soft_cap > 0 ? 1 : call.scale_log2;
    const bool whole = call.first <= 0 && call.end >= call.keys && call.keys % softmax_lanes == 0;
    const int padded = (call.keys + softmax_lanes - 1) / softmax_lanes * softmax_lanes;
    const bool plain = whole && call.soft_cap <= 0;
    if (!plain) change(call, whole);
    const auto logit = [&](int k) ERGON_INLINE {
      F x = Unit::load(call.logits + k);
      if (plain && call.key_scale != nullptr) {
        x *= Unit::load(call.key_scale + k);
        Unit::store(call.logits + k, x);
      }
      return x;
    };
    F found = all(-infinity), also = found;
    int key = 0;
    for (; key + 2 * Unit::lanes <= padded; key += 2 * Unit::lanes) {
      found = Unit::largest(found, logit(key));
      also = Unit::largest(also, logit(key + Unit::lanes));
    }
    if (key < padded) found = Unit::largest(found, logit(key));
    const float before = *call.largest;
    const float most = Unit::most(Unit::largest(found, also)) * scale;
    const bool raises = most > before + raise_above;
    const float now = raises ? most : before;
    const F rescale = raises ? Unit::template power<6>(all(before - now)) : all(1);
    const F least = base(all(now));
    F sum{};
    const auto weight = [&](int k) ERGON_INLINE {
      const F value =
          Unit::template power < bf16 ? 3 : 6 > (Unit::load(call.logits + k) * scale - least);
      sum += value;
      return value;
    };
    key = 0;
    if (call.value_scale == nullptr)
      for (; key < padded; key += Unit::lanes) put<bf16>(call, key, weight(key));
    for (; key + Unit::lanes <= call.keys; key += Unit::lanes)
      put<bf16>(call, key, weight(key) * Unit::load(call.value_scale + key));
    for (; key < padded; key += Unit::lanes)
      put<bf16>(call, key, weight(key) * padded_scales(call.value_scale, key, call.keys));
    *call.largest = now;
    *call.rescale = rescale[0];
    *call.sum = *call.sum * rescale[0] + Unit::total(sum);
    return rescale[0] != 1;
  }

  template <bool bf16>
  static void put(const SoftmaxRow& call, int key, F weight) {
    if constexpr (bf16)
      Unit::store_bf16(call.weights + std::int64_t{2} * key, weight);
    else
      Unit::store(reinterpret_cast<float*>(call.weights) + key, weight);
  }

  /// The end of a list of `count`; 0 beyond. Not in a loop: it goes through memory.
  static F padded_scales(const float* list, int from, int count) {
    F part{};
    for (int i = 0; i < Unit::lanes && from + i < count; ++i) part[i] = list[from + i];
    return part;
  }

  static void change(const SoftmaxRow& call, bool whole) {
    const int padded = (call.keys + softmax_lanes - 1) / softmax_lanes * softmax_lanes;
    int key = 0;
    if (call.key_scale != nullptr) {
      for (; key + Unit::lanes <= call.keys; key += Unit::lanes)
        Unit::store(call.logits + key,
                    Unit::load(call.logits + key) * Unit::load(call.key_scale + key));
      for (; key < padded; key += Unit::lanes)
        Unit::store(call.logits + key,
                    Unit::load(call.logits + key) * padded_scales(call.key_scale, key, call.keys));
    }
    if (whole && call.soft_cap <= 0) return;
    I index{};
    for (int i = 0; i < Unit::lanes; ++i) index[i] = i;
    const int end = call.end < call.keys ? call.end : call.keys;
    for (key = 0; key < padded; key += Unit::lanes) {
      F x = Unit::load(call.logits + key);
      if (call.soft_cap > 0) x = capped(x, call);
      if (!whole) x = choose((index + key >= call.first) & (index + key < end), x, all(-infinity));
      Unit::store(call.logits + key, x);
    }
  }

  static void scale(const ScaleColumns& call) {
    for (int lane = 0; lane < call.lanes; lane += Unit::lanes) {
      const F factor = Unit::load(call.factor + lane);
      for (std::int64_t r = 0; r < call.rows; ++r) {
        const std::int64_t at = r * call.lanes + lane;
        Unit::store(call.to + at, Unit::load(call.from + at) * factor);
      }
    }
  }

  static void positive(const PositiveSums& call) {
    for (std::int64_t r = 0; r < call.rows; ++r) {
      F sum{};
      for (int lane = 0; lane < call.lanes; lane += Unit::lanes)
        sum += Unit::largest(Unit::load(call.values + r * call.lanes + lane), F{}) *
               Unit::load(call.weights + lane);
      call.sums[r] += Unit::total(sum);
    }
  }

  static void weave(const Weave& given) {
    const Weave call = given;
    constexpr std::int64_t lanes = Unit::lanes;
    std::int64_t c = 0;
    const auto to = [&](std::int64_t at) {
      return call.to + at / call.lanes * call.panel + at % call.lanes;
    };
    if (call.odd != nullptr)
      for (; c + lanes <= call.columns; c += lanes) Unit::weave(call.even + c, call.odd + c, to(c));
    for (; c < call.columns; ++c)
      *to(c) = call.even[c] | (call.odd == nullptr ? 0U : std::uint32_t{call.odd[c]} << 16);
  }
};

}  // namespace ergon::simd
