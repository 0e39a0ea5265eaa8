// Register tiles of quantized products: weights are decoded in registers, multiplied, and scaled
// group by group.
//
// A panel holds `lanes` outputs. It is a row of groups; a group is `lines`, then the scales of its
// outputs, then their zero points. A line is a 32-bit lane for each output:
//
//   kind        a lane of a line, k counted within it
//   bytes_s8    4 bytes, k 0 to 3: code + the set's offset s8 codes times s8 activations
//   nibbles_s8  8 nibbles: the low ones of the 4 bytes k   u4 codes times s8 activations
//               0 to 3, the high ones 4 to 7
//   nibbles     8 nibbles: of the low 16 bits, from the    codes of 4 bits by table, times bf16
//               lowest, k 0, 2, 4, 6; of the high 1, 3, 5, 7
//   integers    4 bytes, k 0, 2, 1, 3: sign and magnitude  s8 codes times bf16
//   e4m3        4 bytes, k 0, 2, 1, 3                      e4m3 codes times bf16
//   pairs       2 bf16, k 0 and 1                          bf16 as it is, times bf16
//
// Codes are those that formats make of finite weights: s8 without -128; of e4m3's NaN, some sets
// make a NaN and some 480.
//
// A zero point is stored as 15 - zero, a nibble: of every 16 lanes that of lane i at bit 32 (i % 2)
// + 4 (i / 2), of 8 lanes at bit 4 i. nibbles_s8 multiplies codes, or codes + 15 - zero; what they
// are too large by, and bytes_s8's offset, the caller's `start` takes back.
//
// Activations ("left") are words of a tile's rows side by side: word i of row r is at (i rows + r)
// 4 bytes. A word is 4 s8, 2 bf16, or one f32 where the set multiplies in f32.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/simd/isa.h"
#include "kernels/simd/tile.h"

namespace ergon {
struct CpuInfo;
}

namespace ergon::simd {

enum class QKind : std::uint8_t { bytes_s8, nibbles_s8, nibbles, integers, e4m3, pairs };

/// How a group's scales lie behind its lines: a value a lane, one f32 for all of them, or nothing,
/// which counts as 1.
enum class QScale : std::uint8_t { f32, bf16, f16, e8m0, one_f32, none };

/// What a tile set computes. `whole`: one group, so that nothing is scaled in between.
struct QProduct {
  QKind kind = QKind::bytes_s8;
  QScale scale = QScale::f32;
  bool zero_points = false, whole = false;
  friend bool operator==(const QProduct&, const QProduct&) = default;
};

/// Every product that a tile set exists for: those of s8 first.
inline constexpr std::array<QProduct, 12> qproducts = {{
    {QKind::bytes_s8, QScale::f32, false, true},   // w8a8
    {QKind::bytes_s8, QScale::f16},                // q8_0
    {QKind::nibbles_s8, QScale::bf16},             // w4a8
    {QKind::nibbles_s8, QScale::bf16, true},       // w4a8 with zero points
    {QKind::nibbles_s8, QScale::f16},              // q4_0
    {QKind::nibbles, QScale::bf16},                // w4a16
    {QKind::nibbles, QScale::bf16, true},          // w4a16 with zero points
    {QKind::nibbles, QScale::e8m0},                // mxfp4
    {QKind::integers, QScale::bf16, false, true},  // w8a16
    {QKind::e4m3, QScale::one_f32},                // fp8
    {QKind::integers, QScale::none, false, true},  // caches of s8, whose scales are apart
    {QKind::pairs, QScale::none, false, true},     // bf16
}};
inline constexpr std::size_t s8_qproducts = 5, float_qproducts = qproducts.size() - s8_qproducts;

/// Weights of a lane.
constexpr int line_depth(QKind kind) noexcept {
  if (kind == QKind::pairs) return 2;
  return kind == QKind::nibbles_s8 || kind == QKind::nibbles ? 8 : 4;
}
constexpr bool multiplies_s8(QKind kind) noexcept {
  return kind == QKind::bytes_s8 || kind == QKind::nibbles_s8;
}
constexpr int scale_bytes(QScale scale, int lanes) noexcept {
  switch (scale) {
    case QScale::f32:
      return 4 * lanes;
    case QScale::bf16:
    case QScale::f16:
      return 2 * lanes;
    case QScale::e8m0:
      return lanes;
    case QScale::one_f32:
      return 4;
    case QScale::none:
      break;
  }
  return 0;
}
constexpr int zero_bytes(const QProduct& product, int lanes) noexcept {
  return product.zero_points ? lanes / 2 : 0;
}

/// Memory that a tile asks for while it works: from here on so many bytes with each line of its
/// panel, and with the end of each group.
struct QFetch {
  const std::byte* from = nullptr;
  std::int64_t a_line = 0, a_tail = 0;
};

struct QTileCall {
  std::int64_t groups = 0;
  std::int64_t lines = 0, last_lines = 0;  // of a group, and of the last one
  const std::byte* panel = nullptr;
  const std::byte* left = nullptr;
  /// s8 kinds: for each group a word a row to start its sums from (s32), then a scale a row (f32).
  const std::byte* left_groups = nullptr;
  /// nibbles: 32 bf16, twice by code, or by code + 15 - zero. integers, e4m3: by magnitude, the low
  /// bytes of 128 bf16, then the high bytes.
  const std::byte* table = nullptr;
  std::byte* to = nullptr;
  std::int64_t to_row = 0;  // bytes
  int columns = 0;          // at most `lanes`; the rest is not written
  bool to_bf16 = false;     // rounded to nearest even; else f32
  bool add = false;         // to what is there, of f32
  QFetch fetch;
};
using QTile = void (*)(const QTileCall&);

/// One token's group: codes and scale by the rule of quantize_activations (qmatmul/format.h), the
/// codes' sum beside them.
struct QuantizedGroup {
  float scale;
  std::int32_t sum;
};
/// `x` is f32 or bf16 (`from_bf16`), `count` a multiple of 32.
using QuantizeGroup = QuantizedGroup (*)(const std::byte* x, bool from_bf16, std::int64_t count,
                                         bool half, std::int8_t* codes);
using SumCodes = std::int32_t (*)(const std::int8_t* codes, std::int64_t count);

struct QTileSet {
  Isa isa = Isa::portable;
  QProduct product = {};
  std::string_view instruction = {};
  std::array<std::string_view, 2> features = {};  // beside those of the instruction set
  int most_rows = 0, lanes = 0;
  int offset = 0;                // of bytes_s8
  bool left_f32 = false;         // of kinds that do not multiply s8
  const QTile* tiles = nullptr;  // [rows - 1]
  /// The words of one group, decoded and not multiplied: `lanes` side by side, those of a line's k
  /// one behind the other, as tile.h wants right words. It reads lines, panel, table, to and fetch.
  QTile words = nullptr;
  QuantizeGroup quantize = nullptr;
  SumCodes sum = nullptr;
  Pack pack = nullptr;  // of left, by bytes
};

/// All that this build holds.
std::vector<const QTileSet*> qtile_sets();
bool usable(const QTileSet& set, const CpuInfo& cpu) noexcept;
/// The best for a product within an instruction set, or below it; every processor has one for each
/// of qproducts.
const QTileSet& best_qtile_set(const QProduct& product, Isa isa, const CpuInfo& cpu);

}  // namespace ergon::simd
