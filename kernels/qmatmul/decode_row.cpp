#include "kernels/qmatmul/decode_row.h"

#include <array>
#include <cstring>
#include <vector>

#include "kernels/qmatmul/decode_loops.h"
#include "kernels/qmatmul/gguf.h"

namespace ergon {
namespace {

const DecodeLoops& loops_of(simd::Isa isa) {
#if defined(__x86_64__)
  if (isa == simd::Isa::avx512) return decode_avx512;
  if (isa == simd::Isa::avx2) return decode_avx2;
#endif
  static_cast<void>(isa);
  return decode_portable;
}

Stored stored(const Format& format) {
  switch (format.code) {
    case Code::s8:
      return Stored::s8;
    case Code::e4m3:
      return Stored::e4m3;
    case Code::e2m1:
      return Stored::e2m1_pairs;
    case Code::u4:
    case Code::bf16:  // decoded by nobody: copy_rows
      break;
  }
  if (format.minima) return Stored::u4_groups;
  return format.gguf() ? Stored::u4_halves : Stored::u4_pairs;
}

/// Scales of a row, `stride` bytes apart.
template <class Bits, class Widen>
void read(const std::byte* from, std::int64_t stride, Widen widen, std::vector<float>& to) {
  for (float& scale : to) {
    Bits bits;
    std::memcpy(&bits, from, sizeof bits);
    scale = widen(bits);
    from += stride;
  }
}

float power_of_two(std::uint8_t bits) {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> all{};
    for (unsigned i = 0; i < all.size(); ++i) all[i] = from_e8m0(i);
    return all;
  }();
  return table[bits];
}

void read_scales(ScaleType type, const std::byte* from, std::int64_t stride,
                 std::vector<float>& to) {
  switch (type) {
    case ScaleType::f32:
      return read<float>(
          from, stride, [](float value) { return value; }, to);
    case ScaleType::bf16:
      return read<std::uint16_t>(from, stride, from_bf16, to);
    case ScaleType::f16:
      return read<std::uint16_t>(from, stride, from_f16, to);
    case ScaleType::e8m0:
      return read<std::uint8_t>(from, stride, power_of_two, to);
    case ScaleType::none:
      break;
  }
}

/// Scales and minima of a row.
void read_lines(const WeightLayout& layout, const Weights& from, std::int64_t row,
                std::vector<float>& scales, std::vector<float>& minima) {
  for (std::size_t g = 0; g < scales.size(); ++g) {
    scales[g] = scale_at(layout, from, row, static_cast<std::int64_t>(g));
    minima[g] = minimum_at(layout, from, row, static_cast<std::int64_t>(g));
  }
}

/// Rows of bf16 from `from` on, as they are or widened.
void copy_rows(const std::byte* from, std::int64_t elements, DType type, std::byte* to) {
  if (type == DType::bf16) {
    std::memcpy(to, from, static_cast<std::size_t>(2 * elements));
    return;
  }
  for (std::int64_t i = 0; i < elements; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, sizeof bits);
    const float value = from_bf16(bits);
    std::memcpy(to + 4 * i, &value, sizeof value);
  }
}

}  // namespace

void decode_rows(const WeightLayout& layout, const Weights& from, std::int64_t first,
                 std::int64_t rows, DType type, simd::Isa isa, std::byte* to) {
  const Format& format = *layout.format;
  if (format.code == Code::bf16)
    return copy_rows(from.codes + first * layout.row_bytes(), rows * layout.k, type, to);
  const DecodeLoops& loops = loops_of(isa);
  const auto index = static_cast<std::size_t>(stored(format));
  const DecodeRow decode = type == DType::f32 ? loops.to_f32[index] : loops.to_bf16[index];
  const std::int64_t groups = layout.groups();
  const auto scale_bytes = static_cast<std::int64_t>(size_of(layout.scale_dtype()));
  const std::int64_t codes_at = format.gguf() ? gguf::codes_at(format) : 0;
  std::vector<float> scales(static_cast<std::size_t>(groups));
  std::vector<float> minima(format.minima ? scales.size() : 0);
  std::vector<std::byte> unpacked(static_cast<std::size_t>(format.bits == 8 ? 0 : layout.k));
  DecodeCall call;
  call.unpacked = unpacked.data();
  call.group_bytes = format.gguf() ? gguf::block_bytes(format) : layout.group * format.bits / 8;
  call.scales = scales.data();
  call.minima = minima.data();
  call.k = layout.k;
  call.group = layout.group;
  for (std::int64_t row = first; row < first + rows; ++row) {
    const std::byte* codes = from.codes + row * layout.row_bytes();
    if (format.minima)
      read_lines(layout, from, row, scales, minima);
    else if (format.gguf())
      read_scales(format.scale, codes, call.group_bytes, scales);
    else
      read_scales(format.scale, from.scales + row / format.scale_rows * groups * scale_bytes,
                  scale_bytes, scales);
    call.codes = codes + codes_at;
    call.zeros = from.zeros == nullptr ? nullptr : from.zeros + row * groups;
    call.to = to;
    decode(call);
    to += layout.k * static_cast<std::int64_t>(size_of(type));
  }
}

}  // namespace ergon
