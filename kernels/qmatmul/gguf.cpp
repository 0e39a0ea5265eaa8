#include "kernels/qmatmul/gguf.h"

#include <array>

#include "kernels/qmatmul/rounding.h"

namespace ergon::gguf {
namespace {

constexpr int group_size = 32, groups = static_cast<int>(superblock) / group_size;
constexpr int minimum_bytes = 2, packed_bytes = 12;  // of q4_K, behind the f16 scale

/// What a block's values are multiplied with. llama.cpp's is infinite where the scale is tiny; f16
/// makes such a scale 0.
float inverse_of(float scale) { return std::fabs(scale) < 0x1p-126F ? 0 : 1 / scale; }

void quantize_q8_0(const float* w, std::byte* to) {
  const float scale = largest_magnitude(w, group_size) / 127, inverse = inverse_of(scale);
  write<std::uint16_t>(to, 0, to_f16(scale));
  // Ties away from 0, as roundf has them.
  for (int i = 0; i < group_size; ++i)
    to[2 + i] = static_cast<std::byte>(static_cast<int>(std::round(w[i] * inverse)));
}

void quantize_q4_0(const float* w, std::byte* to) {
  const float scale = first_extreme(w, group_size) / -8, inverse = inverse_of(scale);
  write<std::uint16_t>(to, 0, to_f16(scale));
  const auto code = [&](int i) { return std::min(15, static_cast<int>(w[i] * inverse + 8.5F)); };
  for (int i = 0; i < 16; ++i) to[2 + i] = static_cast<std::byte>(code(i) | (code(i + 16) << 4));
}

using Codes = std::array<int, group_size>;

/// A group as lowest + scale * code; lowest is at most 0.
struct Line {
  float scale = 0, lowest = 0;
  Codes codes{};
};

/// Fits lines to one group: weighted least squares. All in f32, and sums in the order of elements,
/// for the same bits as llama.cpp's.
class Fit {
 public:
  explicit Fit(const float* w) : w_(w) {
    float squares = 0;
    for (int i = 0; i < group_size; ++i) squares += w[i] * w[i];
    const float typical = std::sqrt(squares / group_size);
    for (int i = 0; i < group_size; ++i) {
      weights_[index(i)] = typical + std::fabs(w[i]);
      sum_ += weights_[index(i)];
      sum_w_ += weights_[index(i)] * w[i];
    }
  }

  /// Codes of a range that is cut into `steps`, and the line that suits them best.
  Line refitted(const Line& line, float highest, float steps) const {
    Line next{0, 0, codes(line.lowest, steps / (highest - line.lowest))};
    float codes = 0, squares = 0, products = 0;
    for (int i = 0; i < group_size; ++i) {
      const auto code = static_cast<float>(next.codes[index(i)]);
      const float weighted = weights_[index(i)] * code;
      codes += weighted;
      squares += weighted * code;
      products += weighted * w_[i];
    }
    const float determinant = sum_ * squares - codes * codes;
    if (!(determinant > 0)) return line;
    next.scale = (sum_ * products - sum_w_ * codes) / determinant;
    next.lowest = (squares * sum_w_ - codes * products) / determinant;
    if (next.lowest > 0) {
      next.lowest = 0;
      next.scale = products / squares;
    }
    return next;
  }

  Codes codes(float lowest, float inverse) const {
    Codes all{};
    for (int i = 0; i < group_size; ++i) all[index(i)] = rounded(inverse * (w_[i] - lowest), 0, 15);
    return all;
  }

  float loss(const Line& line) const {
    float sum = 0;
    for (int i = 0; i < group_size; ++i) {
      const float off = line.scale * static_cast<float>(line.codes[index(i)]) + line.lowest - w_[i];
      sum += weights_[index(i)] * (off * off);
    }
    return sum;
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  const float* w_;
  std::array<float, group_size> weights_{};
  float sum_ = 0, sum_w_ = 0;
};

/// The best of the range as it is, and of 21 that are cut into 14 to 16 steps.
Line best_line(const float* w) {
  const auto [least, highest] = std::minmax_element(w, w + group_size);
  Line best{0, std::min(*least, 0.0F)};
  if (*highest == best.lowest) return best;
  const Fit fit(w);
  const float inverse = 15 / (*highest - best.lowest);
  best = {1 / inverse, best.lowest, fit.codes(best.lowest, inverse)};
  float loss = fit.loss(best);
  for (int i = 0; i <= 20; ++i) {
    const Line next = fit.refitted(best, *highest, -1 + 0.1F * static_cast<float>(i) + 15);
    const float its = fit.loss(next);
    if (!(its < loss)) continue;
    best = next;
    loss = its;
  }
  return best;
}

/// The multiples of `behind` 0 (scales) or 4 (minima).
int six_bits(const std::byte* packed, int group, int behind) {
  const auto byte = [&](int at) { return static_cast<int>(packed[at]); };
  if (group < 4) return byte(group + behind) & 63;
  return ((byte(group + 4) >> behind) & 15) | (byte(group - 4 + behind) >> 6 << 4);
}

/// Into bytes that are 0.
void put_six_bits(std::byte* packed, int group, int behind, int value) {
  const auto put = [&](int at, int bits) { packed[at] |= static_cast<std::byte>(bits); };
  if (group < 4) return put(group + behind, value);
  put(group + 4, (value & 15) << behind);
  put(group - 4 + behind, value >> 4 << 6);
}

constexpr int of_scales = 0, of_minima = 4;

void quantize_q4_k(const Format& format, const float* w, std::byte* to) {
  std::array<Line, groups> lines;
  float scale = 0, minimum = 0;
  for (int g = 0; g < groups; ++g) {
    Line& line = lines[static_cast<std::size_t>(g)];
    line = best_line(w + std::ptrdiff_t{g} * group_size);
    scale = std::max(scale, line.scale);
    minimum = std::max(minimum, -line.lowest);
  }
  write<std::uint16_t>(to, 0, to_f16(scale / 63));
  write<std::uint16_t>(to, 1, to_f16(minimum / 63));
  std::byte* packed = to + 2 + minimum_bytes;
  std::memset(packed, 0, static_cast<std::size_t>(block_bytes(format)) - 2 - minimum_bytes);
  const float per_scale = scale > 0 ? 63 / scale : 0, per_minimum = minimum > 0 ? 63 / minimum : 0;
  for (int g = 0; g < groups; ++g) {
    Line& line = lines[static_cast<std::size_t>(g)];
    put_six_bits(packed, g, of_scales, rounded(per_scale * line.scale, 0, 63));
    put_six_bits(packed, g, of_minima, rounded(per_minimum * -line.lowest, 0, 63));
  }
  for (int g = 0; g < groups; ++g) {
    Codes& codes = lines[static_cast<std::size_t>(g)].codes;
    const float* of_group = w + std::ptrdiff_t{g} * group_size;
    std::byte* pair = to + codes_at(format) + std::ptrdiff_t{g / 2} * group_size;
    const float step = scale_at(format, to, g), lowest = minimum_at(to, g);
    for (int i = 0; i < group_size; ++i) {
      int& code = codes[static_cast<std::size_t>(i)];
      if (step != 0) code = rounded((of_group[i] + lowest) / step, 0, 15);
      pair[i] |= static_cast<std::byte>(code << g % 2 * 4);
    }
  }
}

}  // namespace

std::int64_t codes_at(const Format& format) noexcept {
  return format.minima ? 2 + minimum_bytes + packed_bytes : 2;
}

std::int64_t block_bytes(const Format& format) noexcept {
  return codes_at(format) + format.block * format.bits / 8;
}

void quantize_block(const Format& format, const float* w, std::byte* to) {
  if (format.minima)
    quantize_q4_k(format, w, to);
  else
    format.code == Code::s8 ? quantize_q8_0(w, to) : quantize_q4_0(w, to);
}

int code_at(const Format& format, const std::byte* block, int at) {
  const std::byte* codes = block + codes_at(format);
  if (format.code == Code::s8) return static_cast<std::int8_t>(codes[at]);
  // As many bytes pair the elements of their low halves with as many in the high ones.
  const int bytes = format.minima ? group_size : group_size / 2;
  const int byte = at / (2 * bytes) * bytes + at % bytes;
  return (static_cast<int>(codes[byte]) >> (at / bytes % 2 * 4)) & 15;
}

float scale_at(const Format& format, const std::byte* block, int group) {
  const float scale = from_f16(read<std::uint16_t>(block, 0));
  if (!format.minima) return scale;
  return scale * static_cast<float>(six_bits(block + 2 + minimum_bytes, group, of_scales));
}

float minimum_at(const std::byte* block, int group) {
  const float minimum = from_f16(read<std::uint16_t>(block, 1));
  return minimum * static_cast<float>(six_bits(block + 2 + minimum_bytes, group, of_minima));
}

}  // namespace ergon::gguf
