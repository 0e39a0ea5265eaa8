// Quantized products for any processor: lanes are arrays, and the compiler makes of them what it
// can.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/dtype.h"
#include "kernels/simd/portable_words.h"
#include "kernels/simd/qtile_loop.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

constexpr int width = 8;

template <class T>
struct Lanes {
  T lane[width];
};
using FloatLanes = Lanes<float>;

template <class T>
T value_at(const std::byte* from, std::int64_t index = 0) {
  T value;
  std::memcpy(&value, from + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T, class Body>
Lanes<T> each(Body&& body) {
  Lanes<T> result;
  for (int i = 0; i < width; ++i) result.lane[i] = static_cast<T>(body(i));
  return result;
}

int zero_nibble(const std::byte* from, int lane) {
  return static_cast<int>(value_at<std::uint32_t>(from) >> (4 * lane)) & 15;
}

template <QProduct computed>
struct Totals {
  static constexpr QProduct product = computed;
  static constexpr int lanes = width;
  static constexpr int in_flight = 1, registers = 8, most_rows = 4;
  using Float = FloatLanes;
  static Float read_scale(const std::byte* from) {
    return each<float>([&](int i) {
      switch (product.scale) {
        case QScale::f32:
          return value_at<float>(from, i);
        case QScale::bf16:
          return from_bf16(value_at<std::uint16_t>(from, i));
        case QScale::f16:
          return from_f16(value_at<std::uint16_t>(from, i));
        case QScale::e8m0:
          return std::ldexp(1.0F, static_cast<int>(from[i]) - 127);
        case QScale::one_f32:
          return value_at<float>(from);
        case QScale::none:
          break;
      }
      return 1.0F;
    });
  }
  static Float scaled(const Float& scale, const std::byte* by) {
    const auto factor = value_at<float>(by);
    return each<float>([&](int i) { return scale.lane[i] * factor; });
  }
  static Float times(const Float& a, const Float& b) {
    return each<float>([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static Float times_add(const Float& total, const Float& a, const Float& b) {
    return each<float>([&](int i) { return total.lane[i] + a.lane[i] * b.lane[i]; });
  }
  static Float added(const Float& total, const std::byte* to, int columns) {
    return each<float>([&](int i) {
      return i < columns ? total.lane[i] + value_at<float>(to, i) : total.lane[i];
    });
  }
  static void write(std::byte* to, const Float& total, int columns) {
    std::memcpy(to, total.lane, static_cast<std::size_t>(columns) * sizeof(float));
  }
  static void write_bf16(std::byte* to, const Float& total, int columns) {
    for (std::int64_t i = 0; i < columns; ++i) {
      const std::uint16_t rounded = to_bf16(total.lane[i]);
      std::memcpy(to + 2 * i, &rounded, sizeof rounded);
    }
  }
};

template <QProduct computed>
struct Integers : Totals<computed> {
  using Sum = Lanes<std::int32_t>;
  using Words = Lanes<std::uint32_t>;
  using Group = Words;
  struct Tables {};
  static constexpr bool nibbles = computed.kind == QKind::nibbles_s8;
  static constexpr int phases = nibbles ? 2 : 1;

  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return {};
    return each<std::uint32_t>([&](int i) { return 0x01010101 * zero_nibble(zeros, i); });
  }
  // All words of a line at once: compilers make vectors of it.
  struct Line {
    Words words[phases];
  };
  static Line line(const std::byte* from, const Tables& /*tables*/, const Group& group) {
    Line line;
    for (int p = 0; p < phases; ++p)
      line.words[p] = each<std::uint32_t>([&](int i) {
        const auto bytes = value_at<std::uint32_t>(from, i);
        return nibbles ? ((bytes >> (4 * p)) & 0x0f0f0f0fU) + group.lane[i] : bytes;
      });
    return line;
  }
  template <int phase>
  static Words word(const Line& line, const Tables& /*tables*/, const Group& /*group*/) {
    return line.words[phase];
  }
  static void multiply_add(Sum& sum, const Words& words, const std::byte* left) {
    for (int i = 0; i < width; ++i)
      for (int b = 0; b < 4; ++b) {
        const auto code = static_cast<std::int8_t>(words.lane[i] >> (8 * b));
        sum.lane[i] += code * static_cast<std::int8_t>(left[b]);
      }
  }
  static Sum nothing() { return {}; }
  static Sum start(const std::byte* from) {
    return each<std::int32_t>([&](int) { return value_at<std::int32_t>(from); });
  }
  static Sum add(const Sum& a, const Sum& b) {
    return each<std::int32_t>([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static FloatLanes to_float(const Sum& sum) {
    return each<float>([&](int i) { return sum.lane[i]; });
  }
};

/// Codes by the table of the call, or bf16 as they are, as f32.
template <QProduct computed>
struct Floats : Totals<computed> {
  using Sum = FloatLanes;
  using Words = FloatLanes;
  using Group = Lanes<int>;
  struct Tables {
    const std::byte* table;
  };
  static constexpr bool nibbles = computed.kind == QKind::nibbles;
  static constexpr bool pairs = computed.kind == QKind::pairs;
  static constexpr int phases = nibbles ? 8 : pairs ? 2 : 4;

  static Tables tables(const QTileCall& call) { return {call.table}; }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return {};
    return each<int>([&](int i) { return zero_nibble(zeros, i); });
  }
  struct Line {
    Words words[phases];
  };
  static Line line(const std::byte* from, const Tables& tables, const Group& group) {
    Line line;
    for (int k = 0; k < phases; ++k)
      line.words[k] = each<float>([&](int i) {
        const auto bits = value_at<std::uint32_t>(from, i) >> (k % 2 * 16 + k / 2 * (32 / phases));
        if constexpr (pairs) {
          return from_bf16(static_cast<std::uint16_t>(bits));
        } else if constexpr (nibbles) {
          const int code = static_cast<int>(bits & 15U) + group.lane[i];
          return from_bf16(value_at<std::uint16_t>(tables.table, code));
        } else {
          const auto low = static_cast<unsigned>(tables.table[bits & 127U]);
          const auto high = static_cast<unsigned>(tables.table[128 + (bits & 127U)]);
          return from_bf16(static_cast<std::uint16_t>(low | (high << 8) | ((bits & 128U) << 8)));
        }
      });
    return line;
  }
  template <int phase>
  static Words word(const Line& line, const Tables& /*tables*/, const Group& /*group*/) {
    return line.words[phase];
  }
  static void multiply_add(Sum& sum, const Words& words, const std::byte* left) {
    const auto activation = value_at<float>(left);
    for (int i = 0; i < width; ++i) sum.lane[i] += words.lane[i] * activation;
  }
  static Sum nothing() { return {}; }
  static Sum add(const Sum& a, const Sum& b) {
    return each<float>([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static FloatLanes to_float(const Sum& sum) { return sum; }
};

QuantizedGroup quantize(const std::byte* x, bool from_bf16s, std::int64_t count, bool half,
                        std::int8_t* codes) {
  const auto activation = [&](std::int64_t i) {
    return from_bf16s ? from_bf16(value_at<std::uint16_t>(x, i)) : value_at<float>(x, i);
  };
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(activation(i)));
  const bool none = !(largest >= 0x1p-119F);
  const float factor = none ? 0 : 127 / largest;
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    codes[i] = static_cast<std::int8_t>(std::nearbyint(activation(i) * factor));
    sum += codes[i];
  }
  const float scale = none ? 0 : largest / 127;
  return {half ? from_f16(to_f16(scale)) : scale, sum};
}

std::int32_t sum_codes(const std::int8_t* codes, std::int64_t count) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += codes[i];
  return sum;
}

template <QProduct product>
using Unit = std::conditional_t<multiplies_s8(product.kind), Integers<product>, Floats<product>>;

}  // namespace

constinit const std::array<QTileSet, qproducts.size()> portable_qtile_sets =
    qtile_sets_like<Unit, 0, qproducts.size()>(
        {.isa = Isa::portable,
         .instruction = "C++",
         .left_f32 = true,
         .quantize = quantize,
         .sum = sum_codes,
         .pack = pack<PortableWords<std::uint32_t, 4>, 4, 1>});

}  // namespace ergon::simd
