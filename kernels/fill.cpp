#include "kernels/fill.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <span>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;

std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t state_of(std::uint64_t seed, std::uint64_t stream) noexcept {
  return mix(mix(seed + golden) ^ stream);
}

std::uint64_t output(std::uint64_t state, std::uint64_t index) noexcept {
  return mix(state + golden * (index + 1));
}

// Uniform in [low, low + count): the high half of a 32-bit fraction times count, whose bias is
// below count / 2^32.
double integer_in(std::uint64_t bits, int low, std::uint64_t count) noexcept {
  return static_cast<double>(low) + static_cast<double>(((bits >> 32) * count) >> 32);
}

double draw(DType dtype, std::uint64_t bits) noexcept {
  switch (dtype) {
    case DType::s8:
      return integer_in(bits, -127, 255);
    case DType::u8:
      return integer_in(bits, 0, 256);
    case DType::s32:
      return integer_in(bits, -32768, 65536);
    default:
      return static_cast<double>(bits >> 11) * 0x1p-52 - 1.0;
  }
}

// The normal distribution's quantiles of i / 65536, the outermost at half a step.
class Quantiles {
 public:
  Quantiles() noexcept {
    // From the middle out, each starts Newton's method for the next.
    double x = 0;
    for (std::size_t i = half; i <= steps; ++i) {
      const double below = std::min(static_cast<double>(i), steps - 0.5) / steps;
      for (int step = 0; step < 4; ++step) {
        const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
        x += ((1 - below) - std::erfc(x / std::numbers::sqrt2) / 2) / -density;
      }
      value_[i] = static_cast<float>(x);
      value_[steps - i] = static_cast<float>(-x);
    }
  }
  float at(std::uint64_t bits) const noexcept {
    const std::size_t i = bits >> 48;
    const float part = static_cast<float>((bits >> 24) & 0xffffffU) * 0x1p-24F;
    return value_[i] + part * (value_[i + 1] - value_[i]);
  }

 private:
  static constexpr std::size_t steps = 65536, half = steps / 2;
  std::array<float, steps + 1> value_{};
};

const Quantiles& quantiles() noexcept {
  static const auto table = std::make_unique<const Quantiles>();
  return *table;
}

// A tensor as lines along its tightest dimension, so that memory is walked in order in any layout.
struct Lines {
  std::size_t inner = 0;               // the dimension a line runs along
  std::int64_t count = 0, length = 0;  // lines, and elements in each
  std::vector<std::int64_t> rank;      // of a step along each dimension, counting row by row

  explicit Lines(const TensorDesc& desc) {
    for (std::size_t d = 1; d < desc.sizes.size(); ++d)
      if (desc.strides[d] <= desc.strides[inner]) inner = d;
    length = desc.sizes.empty() ? 1 : desc.sizes[inner];
    count = length == 0 ? 0 : desc.elements() / length;
    rank = dense(desc.dtype, desc.sizes).strides;
  }

  struct Start {
    std::int64_t offset = 0, index = 0;
  };
  Start start(const TensorDesc& desc, std::int64_t line) const {
    Start at;
    for (std::size_t d = desc.sizes.size(); d-- > 0;) {
      if (d == inner) continue;
      const std::int64_t i = line % desc.sizes[d];
      line /= desc.sizes[d];
      at.offset += i * desc.strides[d];
      at.index += i * rank[d];
    }
    return at;
  }
};

void fill_line(const TensorDesc& desc, std::byte* data, std::uint64_t state, const Lines& lines,
               std::int64_t line) {
  const auto [offset, index] = lines.start(desc, line);
  const std::int64_t stride = desc.sizes.empty() ? 1 : desc.strides[lines.inner];
  const std::int64_t step = desc.sizes.empty() ? 1 : lines.rank[lines.inner];
  for (std::int64_t i = 0; i < lines.length; ++i)
    store(desc.dtype, data, offset + i * stride,
          draw(desc.dtype, output(state, static_cast<std::uint64_t>(index + i * step))));
}

struct Range {
  std::int64_t first, last;
};
Range share(std::int64_t count, int thread, int threads) {
  return {count * thread / threads, count * (thread + 1) / threads};
}

std::int64_t offset_of(const TensorDesc& desc, std::int64_t element) {
  std::int64_t offset = 0;
  for (std::size_t d = desc.sizes.size(); d-- > 0;) {
    offset += element % desc.sizes[d] * desc.strides[d];
    element /= desc.sizes[d];
  }
  return offset;
}

double entropy_of(const HostTensor& tensor) {
  constexpr std::int64_t most = 65536;
  const std::int64_t elements = tensor.desc.elements(), sample = std::min(elements, most);
  const std::size_t size = size_of(tensor.desc.dtype);
  std::vector<std::array<std::int64_t, 256>> counts(size);
  for (std::int64_t i = 0; i < sample; ++i) {
    // Anywhere in the i-th of equal parts, so that the sample does not follow a stride of the
    // tensor.
    const std::int64_t part = elements / sample;
    const auto within = static_cast<std::int64_t>(random_bits(0, 0, static_cast<std::uint64_t>(i)) %
                                                  static_cast<std::uint64_t>(part));
    const std::int64_t offset = offset_of(tensor.desc, i * part + within);
    const std::byte* bytes = tensor.data + static_cast<std::size_t>(offset) * size;
    for (std::size_t b = 0; b < size; ++b) ++counts[b][std::to_integer<std::size_t>(bytes[b])];
  }
  double bits = 0;
  for (const auto& histogram : counts)
    for (const std::int64_t count : histogram)
      if (count > 0) {
        const double p = static_cast<double>(count) / static_cast<double>(sample);
        bits -= p * std::log2(p);
      }
  return bits;
}

}  // namespace

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept {
  return output(state_of(seed, stream), index);
}

float normal_value(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept {
  return quantiles().at(random_bits(seed, stream, index));
}

void normal_values(std::uint64_t seed, std::uint64_t stream, std::uint64_t first,
                   std::span<float> to) noexcept {
  const Quantiles& table = quantiles();
  const std::uint64_t state = state_of(seed, stream);
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = table.at(output(state, first + i));
}

std::uint64_t stream_of(std::string_view name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

void fill_uniform(const TensorDesc& desc, std::byte* data, std::uint64_t seed, std::uint64_t stream,
                  int threads) {
  const Lines lines(desc);
  const std::uint64_t state = state_of(seed, stream);
  const std::size_t span = desc.span_bytes();
  if (span == 0) return;
  if (span > static_cast<std::size_t>(desc.elements()) * size_of(desc.dtype))
    std::memset(data, std::to_integer<int>(poison_byte(desc.dtype)), span);
  constexpr std::int64_t elements_worth_a_thread = 1 << 16;
  const std::int64_t worth = desc.elements() / elements_worth_a_thread;
  on_team(static_cast<int>(std::clamp<std::int64_t>(worth, 1, std::max(threads, 1))),
          [&](int thread, int team) {
            const Range mine = share(lines.count, thread, team);
            for (std::int64_t line = mine.first; line < mine.last; ++line)
              fill_line(desc, data, state, lines, line);
          });
}

std::string_view distribution(DType dtype) noexcept {
  constexpr std::array<std::string_view, all_dtypes.size()> texts = {
      "uniform [-1, 1)",
      "uniform [-1, 1) rounded to f32",
      "uniform [-1, 1) rounded to bf16",
      "uniform [-1, 1) rounded to f16",
      "uniform integers [-32768, 32767]",
      "uniform integers [-127, 127]",
      "uniform integers [0, 255]",
  };
  return texts[static_cast<std::size_t>(dtype)];
}

std::byte poison_byte(DType dtype) noexcept {
  return std::byte(info(dtype).is_float ? 0xff : 0x81);
}

double entropy_bits_per_element(std::span<const HostTensor> tensors) {
  double bits = 0, elements = 0;
  for (const HostTensor& tensor : tensors) {
    const auto count = static_cast<double>(tensor.desc.elements());
    if (count == 0) continue;
    bits += entropy_of(tensor) * count;
    elements += count;
  }
  return elements > 0 ? bits / elements : 0;
}

}  // namespace ergon
