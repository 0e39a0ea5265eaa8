// The formats of quantized weights, each defined here and nowhere else: how codes and scales are
// chosen, stored and read back. Everything else asks this file.
//
// Weights are a matrix [n, k]: n outputs, k inputs. A scale is shared by `group` neighbours along k
// (of one output, or of `scale_rows` outputs). A weight is (code - zero point) * scale, with the
// code's own value where it is a small float.
//
// Codes of 4 bits lie two a byte, the even k in the low half. The GGUF formats hold a row as blocks
// of 32: the scale (f16), then the codes; their 4-bit codes pair element i with element i + 16.
// Rounding is to nearest, ties to even (GGUF weights: as in llama.cpp), and saturates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/dtype.h"

namespace ergon {

enum class Code : std::uint8_t { s8, u4, e2m1, e4m3, bf16 };
enum class ScaleType : std::uint8_t { f32, bf16, f16, e8m0, none };

/// What a format multiplies its weights with.
///   bf16          as they come
///   s8            quantized before the call, with an f32 scale per token
///   s8_in_call    bf16, quantized by the call, with an f32 scale per token and group
///   s8_in_blocks  f32, quantized by the call, with a scale per token and block of 32, rounded to
///                 f16
///   s8_in_superblocks  f32, quantized by the call, with an f32 scale per token and block of 256
enum class Activations : std::uint8_t { bf16, s8, s8_in_call, s8_in_blocks, s8_in_superblocks };
inline constexpr std::int64_t superblock = 256;

struct Format {
  std::string_view name;
  std::string_view weights;  // their type, as a record names it
  Code code;
  int bits;        // of a code
  int group;       // 0: the workload says (32, 64 or 128); whole_row: all of k
  int scale_rows;  // outputs that share a scale
  ScaleType scale;
  Activations activations;
  bool zero_points;  // may have them, a byte per group
  bool minima;       // has one per group
  int block;         // of GGUF: weights along k that lie together with their scales; else 0
  std::string_view about, source;

  bool gguf() const noexcept { return block != 0; }
};

inline constexpr int whole_row = -1;

std::span<const Format> formats() noexcept;
/// nullptr where there is none of that name.
const Format* format_from_name(std::string_view name) noexcept;

/// How the weights of one matrix are stored.
struct WeightLayout {
  const Format* format = nullptr;
  std::int64_t n = 0, k = 0;
  std::int64_t group = 0;  // along k; k where a row has one scale
  bool zero_points = false;

  std::int64_t groups() const noexcept { return group == 0 ? 0 : (k + group - 1) / group; }
  std::int64_t scale_rows() const noexcept {
    return (n + format->scale_rows - 1) / format->scale_rows;
  }
  /// Of one row of codes; GGUF: of its blocks.
  std::int64_t row_bytes() const noexcept;
  /// Whether scales lie apart from the codes: neither among them nor missing.
  bool scales_apart() const noexcept { return !format->gguf() && format->scale != ScaleType::none; }
  DType scale_dtype() const noexcept;  // u8 for e8m0; of scales that lie apart
  /// Codes, scales and zero points together.
  double bytes() const noexcept;
};

/// Where they are: `codes` row by row; `scales` and `zeros` [scale_rows, groups], nullptr where the
/// format has none apart.
template <class Byte>
struct WeightPointers {
  Byte* codes = nullptr;
  Byte* scales = nullptr;
  Byte* zeros = nullptr;
};
using Weights = WeightPointers<const std::byte>;
using MutableWeights = WeightPointers<std::byte>;

/// Rows [first, first + rows) from `w`, dense [rows, k]. `first` is a multiple of
/// format->scale_rows, and so is `rows`, or it ends the matrix. Weights are finite. Values that are
/// all 0, or too small for their scale's type, get the scale 0 (e8m0: 2^-127). An f16 scale
/// overflows to infinity, as in llama.cpp, from 8 * 65520 on (q8_0: 127 * 65520; q4_K: where a
/// group's scale or minimum is 63 * 65520).
void quantize(const WeightLayout& layout, std::int64_t first, std::int64_t rows, const float* w,
              const MutableWeights& to);

/// Row `row` as it is multiplied, exact in float64.
void dequantize(const WeightLayout& layout, const Weights& from, std::int64_t row, double* to);

/// One code of a row, the zero point not yet taken away (s8: sign and all; u4: 0 to 15; floats:
/// their bits).
int code_at(const WeightLayout& layout, const Weights& from, std::int64_t row, std::int64_t at);
/// What a code stands for before it is scaled, once an integer's zero point is taken away.
float value_of(Code code, int bits) noexcept;
/// The scale, the zero point and the minimum of a group. Without scales it is 1; a u4 without zero
/// points of its own has 8, or with minima 0; without minima that is 0.
float scale_at(const WeightLayout& layout, const Weights& from, std::int64_t row,
               std::int64_t group);
int zero_at(const WeightLayout& layout, const Weights& from, std::int64_t row, std::int64_t group);
float minimum_at(const WeightLayout& layout, const Weights& from, std::int64_t row,
                 std::int64_t group);

/// Symmetric s8 codes of `count` finite activations that share a scale, which is returned: the
/// largest magnitude / 127, in f32, and rounded to f16 where `half` (to infinity from 127 * 65520
/// on). A code is x * (127 / largest) in f32, rounded; where the largest is below 2^-119, and so
/// the scale denormal, all are 0 and so is the scale.
float quantize_activations(const float* x, std::int64_t count, bool half, std::int8_t* codes);

/// The same of a superblock, by llama.cpp's rule (quantize_row_q8_K_ref): the first value of
/// largest magnitude becomes -127, whatever its sign. A code is x * (-127 / largest) in f32,
/// rounded, and the scale is 1 / (-127 / largest); where that factor is not finite all are 0 and so
/// is the scale.
float quantize_superblock(const float* x, std::int8_t* codes);

/// Small floats. e2m1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, in the low 4 bits. e4m3: of
/// OCP, without infinities, 0x7f and 0xff are NaN, the largest is 448. e8m0: 2^(bits - 127).
float from_e2m1(unsigned bits) noexcept;
unsigned to_e2m1(float value) noexcept;
float from_e4m3(unsigned bits) noexcept;
unsigned to_e4m3(float value) noexcept;
float from_e8m0(unsigned bits) noexcept;

}  // namespace ergon
