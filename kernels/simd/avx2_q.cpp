// Quantized products in 256-bit registers. Integers by vpmaddubsw and vpmaddwd: no pair of products
// reaches 2^15, since codes are below 31, or magnitudes up to 128 against activations up to 127.
// Other codes become f32, and activations are f32.
#include <immintrin.h>

#include <type_traits>

#include "kernels/dtype.h"
#include "kernels/simd/avx2_words.h"
#include "kernels/simd/qtile_loop.h"
#include "kernels/simd/qtile_sets.h"

namespace ergon::simd {
namespace {

std::int32_t word_at(const std::byte* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return word;
}
__m256 float_at(const std::byte* from) {
  return _mm256_castsi256_ps(_mm256_set1_epi32(word_at(from)));
}
__m128i half(const std::byte* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
__m256i whole(const std::byte* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

__m256i bf16_bits(__m128i values) { return _mm256_slli_epi32(_mm256_cvtepu16_epi32(values), 16); }

__m256i zero_nibbles(const std::byte* from) {
  const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  return _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(word_at(from)), shifts),
                          _mm256_set1_epi32(15));
}

__m256i first(int columns) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(columns), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

template <QProduct computed>
struct Totals {
  static constexpr QProduct product = computed;
  static constexpr int lanes = 8;
  // Two multiply-adds a cycle, four cycles each.
  static constexpr int in_flight = 8, registers = 10, most_rows = 4;
  using Float = __m256;
  using Line = __m256i;
  template <class Tables, class Group>
  static Line line(const std::byte* from, const Tables& /*tables*/, const Group& /*group*/) {
    return whole(from);
  }
  static Float read_scale(const std::byte* from) {
    switch (product.scale) {
      case QScale::f32:
        return _mm256_loadu_ps(reinterpret_cast<const float*>(from));
      case QScale::bf16:
        return _mm256_castsi256_ps(bf16_bits(half(from)));
      case QScale::f16:
        return _mm256_cvtph_ps(half(from));
      case QScale::e8m0:
        // Of 2^-127, which is denormal, the exponent's bits alone would make 0.
        return _mm256_castsi256_ps(_mm256_max_epu32(
            _mm256_slli_epi32(
                _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))), 23),
            _mm256_set1_epi32(0x00400000)));
      case QScale::one_f32:
        return float_at(from);
      case QScale::none:
        break;
    }
    return _mm256_set1_ps(1);
  }
  static Float scaled(Float scale, const std::byte* by) {
    return _mm256_mul_ps(scale, float_at(by));
  }
  static Float times(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float times_add(Float total, Float a, Float b) { return _mm256_fmadd_ps(a, b, total); }
  static Float added(Float total, const std::byte* to, int columns) {
    return _mm256_add_ps(total,
                         _mm256_maskload_ps(reinterpret_cast<const float*>(to), first(columns)));
  }
  static void write(std::byte* to, Float total, int columns) {
    _mm256_maskstore_ps(reinterpret_cast<float*>(to), first(columns), total);
  }
  static void write_bf16(std::byte* to, Float total, int columns) {
    alignas(32) float values[lanes];
    _mm256_store_ps(values, total);
    for (int i = 0; i < columns; ++i) {
      const std::uint16_t rounded = to_bf16(values[i]);
      __builtin_memcpy(to + 2 * static_cast<std::ptrdiff_t>(i), &rounded, sizeof rounded);
    }
  }
};

template <QProduct computed>
struct Integers : Totals<computed> {
  using Sum = __m256i;
  using Words = __m256i;
  using Group = __m256i;
  // Products do not wait for sums, but many additions in a row do.
  static constexpr int in_flight = computed.whole ? 4 : 1;
  struct Tables {};
  static constexpr bool nibbles = computed.kind == QKind::nibbles_s8;
  static constexpr int phases = nibbles ? 2 : 1;

  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return _mm256_setzero_si256();
    const __m256i first_byte = _mm256_set_epi8(12, 12, 12, 12, 8, 8, 8, 8, 4, 4, 4, 4, 0, 0, 0, 0,
                                               12, 12, 12, 12, 8, 8, 8, 8, 4, 4, 4, 4, 0, 0, 0, 0);
    return _mm256_shuffle_epi8(zero_nibbles(zeros), first_byte);
  }
  template <int phase>
  static Words word(const __m256i& bytes, const Tables& /*tables*/, const Group& group) {
    if constexpr (!nibbles) return bytes;
    const __m256i codes =
        _mm256_and_si256(phase == 0 ? bytes : _mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
    return computed.zero_points ? _mm256_add_epi8(codes, group) : codes;
  }
  static void multiply_add(Sum& sum, Words words, const std::byte* left) {
    __m256i activations = _mm256_set1_epi32(word_at(left));
    if constexpr (!nibbles) {
      activations = _mm256_sign_epi8(activations, words);
      words = _mm256_abs_epi8(words);
    }
    const __m256i pairs = _mm256_maddubs_epi16(words, activations);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static Sum nothing() { return _mm256_setzero_si256(); }
  static Sum start(const std::byte* from) { return _mm256_set1_epi32(word_at(from)); }
  static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
  static __m256 to_float(Sum sum) { return _mm256_cvtepi32_ps(sum); }
};

template <QProduct computed>
struct Floats : Totals<computed> {
  using Sum = __m256;
  using Words = __m256;
  static void multiply_add(Sum& sum, Words words, const std::byte* left) {
    sum = _mm256_fmadd_ps(words, float_at(left), sum);
  }
  static Sum nothing() { return _mm256_setzero_ps(); }
  static Sum add(Sum a, Sum b) { return _mm256_add_ps(a, b); }
  static __m256 to_float(Sum sum) { return sum; }
};

template <QProduct computed>
struct Nibbles : Floats<computed> {
  using Words = __m256;
  using Group = __m256i;  // minus the zero points
  struct Tables {
    __m256 low, high;
  };
  static constexpr int phases = 8;
  static Tables tables(const QTileCall& call) {
    return {_mm256_castsi256_ps(bf16_bits(half(call.table))),
            _mm256_castsi256_ps(bf16_bits(half(call.table + 16)))};
  }
  static Group open(const std::byte* zeros) {
    if constexpr (!computed.zero_points) return _mm256_setzero_si256();
    return _mm256_sub_epi32(zero_nibbles(zeros), _mm256_set1_epi32(15));
  }
  template <int k>
  static Words word(const __m256i& lanes, const Tables& tables, const Group& group) {
    const __m256i at = _mm256_srli_epi32(lanes, k % 2 * 16 + k / 2 * 4);
    if constexpr (computed.zero_points) {
      const __m256i code = _mm256_and_si256(at, _mm256_set1_epi32(15));
      return _mm256_cvtepi32_ps(_mm256_add_epi32(code, group));
    } else {
      const __m256 upper_half = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28));
      return _mm256_blendv_ps(_mm256_permutevar8x32_ps(tables.low, at),
                              _mm256_permutevar8x32_ps(tables.high, at), upper_half);
    }
  }
};

template <QProduct computed>
struct Bytes : Floats<computed> {
  using Words = __m256;
  struct Tables {};
  struct Group {};
  static constexpr int phases = 4;
  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  template <int k>
  static Words word(const __m256i& lanes, const Tables& /*tables*/, const Group& /*group*/) {
    constexpr int shift = k % 2 * 16 + k / 2 * 8;
    const __m256i magnitude =
        _mm256_and_si256(_mm256_srli_epi32(lanes, shift), _mm256_set1_epi32(127));
    const __m256 sign = _mm256_and_ps(_mm256_castsi256_ps(_mm256_slli_epi32(lanes, 24 - shift)),
                                      _mm256_set1_ps(-0.0F));
    return _mm256_or_ps(value(magnitude), sign);
  }

 private:
  static __m256 value(__m256i magnitude) {
    if constexpr (computed.kind == QKind::integers) return _mm256_cvtepi32_ps(magnitude);
    // An e4m3's bits as those of an f32 are 2^-120 of it, denormals too.
    return _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(magnitude, 20)),
                         _mm256_set1_ps(0x1p120F));
  }
};

template <QProduct computed>
struct Plain : Floats<computed> {
  using Words = __m256;
  struct Tables {};
  struct Group {};
  static constexpr int phases = 2;
  static Tables tables(const QTileCall& /*call*/) { return {}; }
  static Group open(const std::byte* /*zeros*/) { return {}; }
  template <int phase>
  static Words word(const __m256i& pairs, const Tables& /*tables*/, const Group& /*group*/) {
    return _mm256_castsi256_ps(phase == 0 ? _mm256_slli_epi32(pairs, 16)
                                          : _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
  }
};

__m256 activations(const std::byte* x, bool from_bf16, std::int64_t at) {
  if (from_bf16) return _mm256_castsi256_ps(bf16_bits(half(x + 2 * at)));
  return _mm256_loadu_ps(reinterpret_cast<const float*>(x + 4 * at));
}

float largest_of(__m256 values) {
  alignas(32) float each[8];
  _mm256_store_ps(each, values);
  float largest = 0;
  for (const float value : each) largest = value > largest ? value : largest;
  return largest;
}

QuantizedGroup quantize(const std::byte* x, bool from_bf16, std::int64_t count, bool to_half,
                        std::int8_t* codes) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  __m256 most = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < count; i += 8)
    most = _mm256_max_ps(most, _mm256_andnot_ps(sign, activations(x, from_bf16, i)));
  const float largest = largest_of(most);
  const bool none = !(largest >= 0x1p-119F);
  const __m256 factor = _mm256_set1_ps(none ? 0 : 127 / largest);
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < count; i += 8) {
    alignas(32) std::int32_t code[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(code),
                       _mm256_cvtps_epi32(_mm256_mul_ps(activations(x, from_bf16, i), factor)));
    for (int j = 0; j < 8; ++j) {
      codes[i + j] = static_cast<std::int8_t>(code[j]);
      sum += code[j];
    }
  }
  float scale = none ? 0 : largest / 127;
  if (to_half) scale = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(scale), 0)));
  return {scale, sum};
}

std::int32_t sum_codes(const std::int8_t* codes, std::int64_t count) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += codes[i];
  return sum;
}

template <QProduct product>
using OfFloats = std::conditional_t<
    product.kind == QKind::pairs, Plain<product>,
    std::conditional_t<product.kind == QKind::nibbles, Nibbles<product>, Bytes<product>>>;

constexpr QTileSet set(std::string_view instruction) {
  return {.isa = Isa::avx2,
          .instruction = instruction,
          .features = {"f16c"},
          .left_f32 = true,
          .quantize = quantize,
          .sum = sum_codes,
          .pack = pack<Avx2Words32, 4, 1>};
}

}  // namespace

constinit const std::array<QTileSet, s8_qproducts> avx2_s8_qtile_sets =
    qtile_sets_like<Integers, 0, s8_qproducts>(set("vpmaddubsw ymm"));
constinit const std::array<QTileSet, float_qproducts> avx2_float_qtile_sets =
    qtile_sets_like<OfFloats, s8_qproducts, float_qproducts>(set("vfmadd ymm"));

}  // namespace ergon::simd
