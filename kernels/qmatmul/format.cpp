#include "kernels/qmatmul/format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/qmatmul/gguf.h"
#include "kernels/qmatmul/rounding.h"

namespace ergon {
namespace {

constexpr std::string_view group_wise =
    "vllm-project/compressed-tensors: calculate_qparams, pack_to_int32; there a zero point takes 4 "
    "bits and a scale is never 0. IST-DASLab/gptq has the same scales; mit-han-lab/llm-awq takes "
    "the range without 0";

constexpr std::array<Format, 10> table = {{
    {"bf16", "bf16", Code::bf16, 16, whole_row, 1, ScaleType::none, Activations::bf16, false, false,
     0, "not quantized: bf16, without scales",
     "the upper half of an IEEE 754 binary32, as models are trained and published in"},
    {"w8a8", "s8", Code::s8, 8, whole_row, 1, ScaleType::f32, Activations::s8, false, false, 0,
     "s8 per output, -127 to 127, scale = largest / 127; s8 activations per token",
     "SmoothQuant (arXiv:2211.10438), its fake_quant.py: per-channel weights, per-token "
     "activations"},
    {"w8a16", "s8", Code::s8, 8, whole_row, 1, ScaleType::bf16, Activations::bf16, false, false, 0,
     "s8 per output, -127 to 127, bf16 scale = largest / 127",
     "weights as w8a8; compressed-tensors divides by 127.5 and uses -128 too"},
    {"w4a16", "s4", Code::u4, 4, 0, 1, ScaleType::bf16, Activations::bf16, true, false, 0,
     "4 bits in groups, bf16 scales; symmetric: -8 to 7, scale = largest / 7.5; zero points: 0 to "
     "15, scale = (highest - lowest) / 15, both taken with 0",
     group_wise},
    {"w4a8", "s4", Code::u4, 4, 0, 1, ScaleType::bf16, Activations::s8_in_call, true, false, 0,
     "weights as w4a16; activations s8 per token and group, quantized in the call",
     "weights as w4a16; activations as q4_0's, with an f32 scale and in the weights' groups"},
    {"mxfp4", "mxfp4", Code::e2m1, 4, 32, 1, ScaleType::e8m0, Activations::bf16, false, false, 0,
     "e2m1 in groups of 32, scale 2^(floor(log2(largest)) - 2), so that what is beyond 6 saturates",
     "OCP Microscaling Formats (MX) Specification v1.0, as microsoft/microxcaling computes it "
     "(mx_ops.py); stored as by openai/gpt-oss"},
    {"fp8", "fp8", Code::e4m3, 8, 128, 128, ScaleType::f32, Activations::bf16, false, false, 0,
     "e4m3 in blocks of 128 x 128, ragged at the edges, scale = largest / 448",
     "DeepSeek-V3 (arXiv:2412.19437), its inference/kernel.py; the scale is its weight_scale_inv"},
    {"q4_0", "q4_0", Code::u4, 4, 32, 1, ScaleType::f16, Activations::s8_in_blocks, false, false,
     32, "GGUF: 0 to 15 less 8, f16 scale = the value of largest magnitude / -8; q8_0 activations",
     "llama.cpp: quantize_row_q4_0_ref; activations: quantize_row_q8_0 for AVX2"},
    {"q8_0", "q8_0", Code::s8, 8, 32, 1, ScaleType::f16, Activations::s8_in_blocks, false, false,
     32, "GGUF: s8, f16 scale = largest / 127; q8_0 activations",
     "llama.cpp: quantize_row_q8_0_ref; activations: quantize_row_q8_0 for AVX2"},
    {"q4_K", "q4_K", Code::u4, 4, 32, 1, ScaleType::f16, Activations::s8_in_superblocks, false,
     true, 256,
     "GGUF: 0 to 15 in groups of 32, scale and minimum 6 bits each, times two f16 per 256, chosen "
     "by "
     "least squares; q8_K activations",
     "llama.cpp: quantize_row_q4_K_ref (ggml-quants.c), block_q4_K (ggml-common.h); activations: "
     "quantize_row_q8_K_ref"},
}};

constexpr std::array<float, 8> e2m1_values = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};

float e4m3_value(unsigned bits) {
  const unsigned exponent = (bits >> 3) & 15U, mantissa = bits & 7U;
  const float sign = (bits & 0x80U) != 0 ? -1.0F : 1.0F;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * static_cast<float>(mantissa) * 0x1p-9F;
  return sign * std::ldexp(static_cast<float>(8 + mantissa), static_cast<int>(exponent) - 10);
}

int rounded_code(float value, float scale, int low, int high) {
  return scale == 0 ? 0 : rounded(value / scale, low, high);
}

float as_bf16(float value) { return from_bf16(to_bf16(value)); }
float as_f16(float value) { return from_f16(to_f16(value)); }

void put_nibble(std::byte* row, std::int64_t at, int code) {
  const int shift = at % 2 == 0 ? 0 : 4;
  const auto kept = static_cast<int>(row[at / 2]) & ~(15 << shift);
  row[at / 2] = static_cast<std::byte>(kept | (code << shift));
}

int nibble(const std::byte* row, std::int64_t at) {
  return (static_cast<int>(row[at / 2]) >> (at % 2 == 0 ? 0 : 4)) & 15;
}

/// The block that holds element `at` of a row.
const std::byte* gguf_block(const WeightLayout& layout, const Weights& from, std::int64_t row,
                            std::int64_t at) {
  const Format& format = *layout.format;
  return from.codes + row * layout.row_bytes() + at / format.block * gguf::block_bytes(format);
}

/// Which of its block's groups a row's group is.
int gguf_group(const WeightLayout& layout, std::int64_t group) {
  return static_cast<int>(group % (layout.format->block / layout.group));
}

/// The 4-bit integers of one group; `scale` bf16.
void quantize_u4(const WeightLayout& layout, const float* w, std::int64_t first, std::int64_t count,
                 std::byte* row, std::int64_t at, const MutableWeights& to) {
  float scale = 0;
  int zero = 8;
  if (layout.zero_points) {
    const auto [least, most] = std::minmax_element(w, w + count);
    // float64, as the two may be further apart than the largest float.
    const double bottom = std::min(*least, 0.0F), top = std::max(*most, 0.0F);
    scale = as_bf16(static_cast<float>((top - bottom) / 15));
    zero = rounded_code(static_cast<float>(-bottom), scale, 0, 15);
    to.zeros[at] = static_cast<std::byte>(zero);
  } else {
    scale = as_bf16(largest_magnitude(w, count) / 7.5F);
  }
  write<std::uint16_t>(to.scales, at, to_bf16(scale));
  for (std::int64_t i = 0; i < count; ++i)
    put_nibble(row, first + i, zero + rounded_code(w[i], scale, -zero, 15 - zero));
}

void quantize_e2m1(const float* w, std::int64_t first, std::int64_t count, std::byte* row,
                   std::int64_t at, const MutableWeights& to) {
  const float largest = largest_magnitude(w, count);
  const int exponent = largest == 0 ? -127 : std::clamp(std::ilogb(largest) - 2, -127, 127);
  to.scales[at] = static_cast<std::byte>(exponent + 127);
  const auto factor = static_cast<float>(std::ldexp(1.0, -exponent));
  for (std::int64_t i = 0; i < count; ++i)
    put_nibble(row, first + i, static_cast<int>(to_e2m1(w[i] * factor)));
}

void quantize_s8(const WeightLayout& layout, const float* w, std::byte* row, std::int64_t at,
                 const MutableWeights& to) {
  float scale = largest_magnitude(w, layout.k) / 127;
  if (layout.format->scale == ScaleType::bf16) {
    scale = as_bf16(scale);
    write<std::uint16_t>(to.scales, at, to_bf16(scale));
  } else {
    write<float>(to.scales, at, scale);
  }
  for (std::int64_t i = 0; i < layout.k; ++i)
    row[i] = static_cast<std::byte>(rounded_code(w[i], scale, -127, 127));
}

/// One band of rows that share scales.
void quantize_e4m3(const WeightLayout& layout, std::int64_t first, std::int64_t rows,
                   const float* w, const MutableWeights& to) {
  const std::int64_t k = layout.k;
  for (std::int64_t g = 0; g < layout.groups(); ++g) {
    const std::int64_t begin = g * layout.group, count = std::min(layout.group, k - begin);
    float largest = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      largest = std::max(largest, largest_magnitude(w + r * k + begin, count));
    const float scale = largest / 448;
    write<float>(to.scales, first / layout.format->scale_rows * layout.groups() + g, scale);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = begin; i < begin + count; ++i)
        to.codes[(first + r) * k + i] =
            static_cast<std::byte>(scale == 0 ? 0 : to_e4m3(w[r * k + i] / scale));
  }
}

void quantize_row(const WeightLayout& layout, std::int64_t row, const float* w,
                  const MutableWeights& to) {
  const Format& format = *layout.format;
  std::byte* codes = to.codes + row * layout.row_bytes();
  if (format.code == Code::bf16) {
    for (std::int64_t i = 0; i < layout.k; ++i) write<std::uint16_t>(codes, i, to_bf16(w[i]));
    return;
  }
  if (format.gguf()) {
    for (std::int64_t i = 0; i < layout.k; i += format.block, codes += gguf::block_bytes(format))
      gguf::quantize_block(format, w + i, codes);
    return;
  }
  const std::int64_t groups = layout.groups();
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = g * layout.group, count = std::min(layout.group, layout.k - first);
    if (format.code == Code::u4)
      quantize_u4(layout, w + first, first, count, codes, row * groups + g, to);
    else if (format.code == Code::e2m1)
      quantize_e2m1(w + first, first, count, codes, row * groups + g, to);
    else
      quantize_s8(layout, w, codes, row, to);
  }
}

}  // namespace

std::span<const Format> formats() noexcept { return table; }

const Format* format_from_name(std::string_view name) noexcept {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Format& f) { return f.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::int64_t WeightLayout::row_bytes() const noexcept {
  if (format->gguf()) return k / format->block * gguf::block_bytes(*format);
  return k * format->bits / 8;
}

DType WeightLayout::scale_dtype() const noexcept {
  switch (format->scale) {
    case ScaleType::f32:
      return DType::f32;
    case ScaleType::bf16:
      return DType::bf16;
    case ScaleType::f16:
      return DType::f16;
    case ScaleType::e8m0:
    case ScaleType::none:
      break;
  }
  return DType::u8;
}

double WeightLayout::bytes() const noexcept {
  const double codes = static_cast<double>(n) * static_cast<double>(row_bytes());
  if (!scales_apart()) return codes;
  const double each = static_cast<double>(size_of(scale_dtype())) + (zero_points ? 1 : 0);
  return codes + static_cast<double>(scale_rows()) * static_cast<double>(groups()) * each;
}

void quantize(const WeightLayout& layout, std::int64_t first, std::int64_t rows, const float* w,
              const MutableWeights& to) {
  const std::int64_t band = layout.format->scale_rows;
  for (std::int64_t r = 0; r < rows; r += band) {
    const float* from = w + r * layout.k;
    if (layout.format->code == Code::e4m3)
      quantize_e4m3(layout, first + r, std::min(band, rows - r), from, to);
    else
      quantize_row(layout, first + r, from, to);
  }
}

int code_at(const WeightLayout& layout, const Weights& from, std::int64_t row, std::int64_t at) {
  const Format& format = *layout.format;
  if (format.gguf())
    return gguf::code_at(format, gguf_block(layout, from, row, at),
                         static_cast<int>(at % format.block));
  const std::byte* codes = from.codes + row * layout.row_bytes();
  if (format.bits == 4) return nibble(codes, at);
  if (format.code == Code::bf16) return read<std::uint16_t>(codes, at);
  return format.code == Code::s8 ? static_cast<std::int8_t>(codes[at])
                                 : static_cast<int>(codes[at]);
}

float value_of(Code code, int bits) noexcept {
  switch (code) {
    case Code::e2m1:
      return from_e2m1(static_cast<unsigned>(bits));
    case Code::e4m3:
      return from_e4m3(static_cast<unsigned>(bits));
    case Code::bf16:
      return from_bf16(static_cast<std::uint16_t>(bits));
    case Code::s8:
    case Code::u4:
      break;
  }
  return static_cast<float>(bits);
}

float scale_at(const WeightLayout& layout, const Weights& from, std::int64_t row,
               std::int64_t group) {
  const Format& format = *layout.format;
  if (format.gguf())
    return gguf::scale_at(format, gguf_block(layout, from, row, group * layout.group),
                          gguf_group(layout, group));
  const std::int64_t at = row / format.scale_rows * layout.groups() + group;
  switch (format.scale) {
    case ScaleType::f32:
      return read<float>(from.scales, at);
    case ScaleType::bf16:
      return from_bf16(read<std::uint16_t>(from.scales, at));
    case ScaleType::f16:
      return from_f16(read<std::uint16_t>(from.scales, at));
    case ScaleType::e8m0:
      return from_e8m0(static_cast<unsigned>(from.scales[at]));
    case ScaleType::none:
      break;
  }
  return 1;
}

int zero_at(const WeightLayout& layout, const Weights& from, std::int64_t row, std::int64_t group) {
  if (layout.zero_points) return static_cast<int>(from.zeros[row * layout.groups() + group]);
  return layout.format->code == Code::u4 && !layout.format->minima ? 8 : 0;
}

float minimum_at(const WeightLayout& layout, const Weights& from, std::int64_t row,
                 std::int64_t group) {
  if (!layout.format->minima) return 0;
  return gguf::minimum_at(gguf_block(layout, from, row, group * layout.group),
                          gguf_group(layout, group));
}

void dequantize(const WeightLayout& layout, const Weights& from, std::int64_t row, double* to) {
  const Code code = layout.format->code;
  for (std::int64_t g = 0; g < layout.groups(); ++g) {
    const double scale = scale_at(layout, from, row, g), minimum = minimum_at(layout, from, row, g);
    const int zero = zero_at(layout, from, row, g);
    const std::int64_t end = std::min(layout.k, (g + 1) * layout.group);
    for (std::int64_t i = g * layout.group; i < end; ++i) {
      to[i] = value_of(code, code_at(layout, from, row, i) - zero) * scale - minimum;
    }
  }
}

float quantize_activations(const float* x, std::int64_t count, bool half, std::int8_t* codes) {
  const float largest = largest_magnitude(x, count);
  if (!(largest >= 0x1p-119F)) {
    std::fill_n(codes, count, std::int8_t{0});
    return 0;
  }
  const float factor = 127 / largest;
  for (std::int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<std::int8_t>(rounded(x[i] * factor, -127, 127));
  const float scale = largest / 127;
  return half ? as_f16(scale) : scale;
}

float quantize_superblock(const float* x, std::int8_t* codes) {
  const float factor = -127 / first_extreme(x, superblock);
  if (!std::isfinite(factor)) {
    std::fill_n(codes, superblock, std::int8_t{0});
    return 0;
  }
  for (std::int64_t i = 0; i < superblock; ++i)
    codes[i] = static_cast<std::int8_t>(rounded(x[i] * factor, -127, 127));
  return 1 / factor;
}

float from_e2m1(unsigned bits) noexcept {
  const float magnitude = e2m1_values[bits & 7U];
  return (bits & 8U) != 0 ? -magnitude : magnitude;
}

unsigned to_e2m1(float value) noexcept {
  const unsigned sign = std::signbit(value) ? 8U : 0U;
  const float magnitude = std::fabs(value);
  // Half way between neighbours goes to the even code.
  constexpr std::array<float, 7> half_way = {0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, 5};
  unsigned code = 0;
  for (const float edge : half_way)
    if (magnitude > edge || (magnitude == edge && code % 2 == 1)) ++code;
  return sign | code;
}

float from_e4m3(unsigned bits) noexcept {
  static const auto values = [] {
    std::array<float, 256> all{};
    for (unsigned code = 0; code < 256; ++code) all[code] = e4m3_value(code);
    return all;
  }();
  return values[bits & 0xffU];
}

unsigned to_e4m3(float value) noexcept {
  const unsigned sign = std::signbit(value) ? 0x80U : 0U;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7fU;
  if (magnitude >= 448) return sign | 0x7eU;
  if (magnitude < 0x1p-6F) return sign | static_cast<unsigned>(std::nearbyint(magnitude * 512));
  // Three bits of the mantissa stay; one rounded up carries into the exponent, as it should.
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = bits + 0x7ffffU + ((bits >> 20) & 1U);
  const unsigned code = (rounded >> 20) - (120U << 3);
  return sign | std::min(code, 0x7eU);
}

float from_e8m0(unsigned bits) noexcept {
  if (bits == 255) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(std::ldexp(1.0, static_cast<int>(bits) - 127));
}

}  // namespace ergon
