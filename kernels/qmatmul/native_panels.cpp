#include "kernels/qmatmul/native_panels.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ergon {
namespace {

using simd::QKind;
using simd::QScale;

QScale scale_of(const Format& format) noexcept {
  switch (format.scale) {
    case ScaleType::f32:
      return format.scale_rows > 1 ? QScale::one_f32 : QScale::f32;
    case ScaleType::bf16:
      return QScale::bf16;
    case ScaleType::f16:
      return QScale::f16;
    case ScaleType::e8m0:
      return QScale::e8m0;
    case ScaleType::none:
      break;
  }
  return QScale::none;
}

QKind kind_of(const Format& format) noexcept {
  const bool floats = format.activations == Activations::bf16;
  switch (format.code) {
    case Code::s8:
      return floats ? QKind::integers : QKind::bytes_s8;
    case Code::u4:
      return floats ? QKind::nibbles : QKind::nibbles_s8;
    case Code::e2m1:
      return QKind::nibbles;
    case Code::e4m3:
      return QKind::e4m3;
    case Code::bf16:
      break;
  }
  return QKind::pairs;
}

/// Where in its line's 32 bits the weight `i` of a lane lies.
int bit_of(QKind kind, int i) noexcept {
  switch (kind) {
    case QKind::bytes_s8:
      return 8 * i;
    case QKind::nibbles_s8:
      return i % 4 * 8 + i / 4 * 4;
    case QKind::nibbles:
      return i % 2 * 16 + i / 2 * 4;
    case QKind::pairs:
      return 16 * i;
    case QKind::integers:
    case QKind::e4m3:
      break;
  }
  return i % 2 * 16 + i / 2 * 8;
}

std::uint32_t stored(QKind kind, int code, int offset) noexcept {
  if (kind == QKind::bytes_s8) return static_cast<std::uint8_t>(code + offset);
  if (kind == QKind::integers) return static_cast<std::uint32_t>(code < 0 ? 128 - code : code);
  return static_cast<std::uint32_t>(code);
}

void put_scale(QScale type, float scale, int lane, std::byte* to) {
  const auto put = [&](auto value) {
    std::memcpy(to + static_cast<std::ptrdiff_t>(lane * sizeof(value)), &value, sizeof(value));
  };
  switch (type) {
    case QScale::f32:
      return put(scale);
    case QScale::bf16:
      return put(to_bf16(scale));
    case QScale::f16:
      return put(to_f16(scale));
    case QScale::e8m0: {
      // A power of two: its exponent's bits, 0 for the denormal 2^-127.
      return put(static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(scale) >> 23));
    }
    case QScale::one_f32:
      std::memcpy(to, &scale, sizeof scale);
      return;
    case QScale::none:
      break;
  }
}

void put_zero(int lanes, int zero, int lane, std::byte* to) {
  int bit = 4 * lane;
  if (lanes >= 16) bit = lane / 16 * 64 + lane % 2 * 32 + lane % 16 / 2 * 4;
  to[bit / 8] |= static_cast<std::byte>((15 - zero) << (bit % 8));
}

struct Packer {
  const QMatmul& q;
  const simd::QTileSet& set;
  const Weights& from;
  const PanelShape shape;
  const QKind kind;
  const int depth, padding;  // of a line; the code of nothing

  Packer(const QMatmul& workload, const simd::QTileSet& tiles, const Weights& weights)
      : q(workload),
        set(tiles),
        from(weights),
        shape(workload, tiles),
        kind(tiles.product.kind),
        depth(simd::line_depth(kind)),
        padding(workload.format->code == Code::u4 ? 8 : 0) {}

  void lane(std::int64_t output, std::int64_t group, int lane_index, std::byte* to) const {
    const bool exists = output < q.n;
    const std::int64_t begin = group * q.layout.group, end = std::min(q.k, begin + q.layout.group);
    const std::int64_t lines = group == shape.groups - 1 ? shape.last_lines : shape.lines;
    for (std::int64_t line = 0; line < lines; ++line) {
      std::uint32_t bits = 0;
      for (int i = 0; i < depth; ++i) {
        const std::int64_t at = begin + line * depth + i;
        const int code = exists && at < end ? code_at(q.layout, from, output, at) : padding;
        bits |= stored(kind, code, set.offset) << bit_of(kind, i);
      }
      std::memcpy(to + line * shape.line_bytes + 4 * static_cast<std::int64_t>(lane_index), &bits,
                  sizeof bits);
    }
    std::byte* tail = to + lines * shape.line_bytes;
    if (set.product.scale != QScale::one_f32 || lane_index == 0)
      put_scale(set.product.scale, exists ? scale_at(q.layout, from, output, group) : 0, lane_index,
                tail);
    if (set.product.zero_points)
      put_zero(set.lanes, exists ? zero_at(q.layout, from, output, group) : 0, lane_index,
               tail + simd::scale_bytes(set.product.scale, set.lanes));
  }
};

}  // namespace

simd::QProduct native_product(const QMatmul& workload) noexcept {
  const Format& format = *workload.format;
  return {kind_of(format), scale_of(format), workload.layout.zero_points,
          format.group == whole_row};
}

PanelShape::PanelShape(const QMatmul& workload, const simd::QTileSet& set) {
  const WeightLayout& layout = workload.layout;
  const std::int64_t line = simd::line_depth(set.product.kind);
  panels = (layout.n + set.lanes - 1) / set.lanes;
  groups = layout.groups();
  lines = (layout.group + line - 1) / line;
  last_lines = (layout.k - (groups - 1) * layout.group + line - 1) / line;
  line_bytes = 4 * static_cast<std::int64_t>(set.lanes);
  tail_bytes =
      simd::scale_bytes(set.product.scale, set.lanes) + simd::zero_bytes(set.product, set.lanes);
  const std::int64_t all_lines = (groups - 1) * lines + last_lines;
  bytes = all_lines * line_bytes + groups * tail_bytes;
  depth = all_lines * line;
}

void pack_panels(const QMatmul& workload, const simd::QTileSet& set, const Weights& from,
                 std::int64_t first, std::int64_t end, std::byte* to) {
  const Packer packer(workload, set, from);
  const PanelShape& shape = packer.shape;
  std::memset(to + first * shape.bytes, 0, static_cast<std::size_t>((end - first) * shape.bytes));
  for (std::int64_t panel = first; panel < end; ++panel)
    for (int lane = 0; lane < set.lanes; ++lane) {
      std::byte* group = to + panel * shape.bytes;
      for (std::int64_t g = 0; g < shape.groups; ++g) {
        packer.lane(panel * set.lanes + lane, g, lane, group);
        group += shape.lines * shape.line_bytes + shape.tail_bytes;
      }
    }
}

simd::QFetch fetch_for(const PanelShape& shape, const std::byte* panel, const std::byte* next,
                       std::int64_t tile, std::int64_t tiles) noexcept {
  if (tiles > 1 && next != nullptr)
    return {next + shape.bytes * tile / tiles, (shape.line_bytes + tiles - 1) / tiles,
            (shape.tail_bytes + tiles - 1) / tiles};
  // M = 1 and 8, cold. Zen 5: up to 40 % faster than 3 KiB, 24 KiB the same. Zen 4, half as fast in
  // using a line: 3 KiB up to 7 % faster than 1, and 8 the same.
  constexpr std::int64_t ahead = 12288;
  return {panel + ahead, shape.line_bytes, shape.tail_bytes};
}

std::vector<std::byte> decoding_table(const QMatmul& workload) {
  const Code code = workload.format->code;
  std::vector<std::byte> table;
  if (workload.format->activations != Activations::bf16 || code == Code::bf16) return table;
  if (code == Code::u4 || code == Code::e2m1) {
    for (int i = 0; i < 32; ++i) {
      float value = from_e2m1(static_cast<unsigned>(i % 16));
      if (code == Code::u4)
        value = static_cast<float>(workload.layout.zero_points ? i - 15 : i % 16 - 8);
      const std::uint16_t bits = to_bf16(value);
      table.push_back(static_cast<std::byte>(bits & 0xffU));
      table.push_back(static_cast<std::byte>(bits >> 8));
    }
    return table;
  }
  table.resize(256);
  for (unsigned i = 0; i < 128; ++i) {
    const std::uint16_t bits = to_bf16(code == Code::s8 ? static_cast<float>(i) : from_e4m3(i));
    table[i] = static_cast<std::byte>(bits & 0xffU);
    table[128 + i] = static_cast<std::byte>(bits >> 8);
  }
  return table;
}

int code_offset(const QMatmul& workload, const simd::QTileSet& set) noexcept {
  if (set.product.kind == QKind::bytes_s8) return set.offset;
  if (set.product.kind != QKind::nibbles_s8) return 0;
  return workload.layout.zero_points ? 15 : 8;
}

}  // namespace ergon
