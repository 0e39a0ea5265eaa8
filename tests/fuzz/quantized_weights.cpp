// Any bytes as weights, and any finite floats to be quantized: nothing is read or written outside,
// nothing is undefined, what a format made it makes again, and rows decoded fast are those of
// dequantize() bit for bit, with every instruction set that this processor has.
#include <algorithm>

#include "kernels/devices/cpu.h"
#include "kernels/qmatmul/decode_row.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/qmatmul/quantized.h"

namespace ergon {
namespace {

using fuzz::Choices;
using fuzz::expect;
using Integer = std::int64_t;

struct Case {
  LayoutCase how;
  WeightLayout layout;
  std::string operator()(Integer row, Integer at, const std::string& what) const {
    return how.name() + " n=" + std::to_string(layout.n) + " k=" + std::to_string(layout.k) +
           " w[" + std::to_string(row) + "," + std::to_string(at) + "]: " + what;
  }
};

Case drawn_case(Choices& choices) {
  static const std::vector<LayoutCase> all = every_layout();
  const LayoutCase& how = choices.of(all);
  const bool ragged = how.group == 0 || how.format == "fp8";
  const Integer n = 1 + choices.below(ragged ? 140 : 5);
  return {how, how.of(n, ragged ? 1 + choices.below(140) : how.unit() * (1 + choices.below(3)))};
}

/// Any finite bits; or of one magnitude, with a few of any.
std::vector<float> drawn_floats(Choices& choices, std::size_t count) {
  std::vector<float> values(count);
  const int exponent = choices.below(139) * 2 - 149, any = choices.below(5);
  for (float& value : values)
    value =
        choices.below(4) < any ? choices.finite_float() : choices.float_of(std::min(exponent, 120));
  return values;
}

bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

/// Row by row, each into memory that ends where it does.
void expect_decoded(const Case& what, const Weights& weights, const std::vector<double>& values,
                    DType type, simd::Isa isa) {
  const WeightLayout& l = what.layout;
  std::vector<std::byte> decoded(static_cast<std::size_t>(l.k) * size_of(type));
  for (Integer row = 0; row < l.n; ++row) {
    decode_rows(l, weights, row, 1, type, isa, decoded.data());
    for (Integer i = 0; i < l.k; ++i) {
      const auto exact = static_cast<float>(values[static_cast<std::size_t>(row * l.k + i)]);
      const float wanted = type == DType::f32 ? exact : from_bf16(to_bf16(exact));
      const auto got = static_cast<float>(load(type, decoded.data(), i));
      expect(same(got, wanted), [&] {
        return what(row, i,
                    std::string(simd::name(isa)) + " decodes to " + std::to_string(got) + ", not " +
                        std::to_string(wanted));
      });
    }
  }
}

void read_any_bytes(Choices& choices) {
  const Case what = drawn_case(choices);
  const WeightLayout& l = what.layout;
  Stored stored(l);
  choices.fill(stored.codes);
  choices.fill(stored.scales);
  choices.fill(stored.zeros);
  const std::vector<double> values = stored.values();
  const Integer row = l.n - 1, at = l.k - 1, group = at / l.group;
  const double value = values.back(), scale = stored.scale(row, group);
  if (l.format->code == Code::s8 || l.format->code == Code::u4) {
    const double wanted = double(stored.code(row, at) - stored.zero(row, group)) * scale -
                          double{stored.minimum(row, group)};
    expect(value == wanted || std::isnan(wanted), [&] {
      return what(row, at, "is not its code, less its zero, times its scale, less its minimum");
    });
  } else {
    expect(std::isnan(value) || std::fabs(value) <= 448 * std::fabs(scale),
           [&] { return what(row, at, "is beyond the largest of its type"); });
  }
  Weights weights = stored.weights();
  if (!l.zero_points) weights.zeros = nullptr;
  if (l.format->gguf()) weights.scales = nullptr;
  for (const simd::Isa isa : {simd::Isa::portable, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      for (const DType type : {DType::f32, DType::bf16})
        expect_decoded(what, weights, values, type, isa);
}

/// The widest step between codes, and what is lost beyond the last: of e4m3 32 and none, of e2m1 2
/// and nearly 2.
double half_steps(Code code) { return code == Code::e4m3 ? 16 : code == Code::e2m1 ? 2 : 1; }

void expect_near(const Case& what, const Stored& stored, const std::vector<double>& values,
                 const std::vector<float>& w) {
  const WeightLayout& l = what.layout;
  if (l.format->minima) return;  // of q4_K's least squares it is not known how near
  for (Integer j = 0; j < l.n; ++j)
    for (Integer p = 0; p < l.k; ++p) {
      const auto at = static_cast<std::size_t>(j * l.k + p);
      const double scale = std::fabs(double{stored.scale(j, p / l.group)});
      if (std::isinf(scale)) continue;  // GGUF's
      // A rounded scale moves codes by a part of the value.
      const double least = l.format->gguf() ? 0x1p-20 : 0x1p-133;
      const double slack = std::fabs(w[at]) / 100 + 128 * least;
      expect(std::fabs(values[at] - w[at]) <= half_steps(l.format->code) * scale + slack, [&] {
        return what(j, p, std::to_string(w[at]) + " became " + std::to_string(values[at]));
      });
    }
}

/// Holds where the largest of a group is one of the format's values; of integers in groups it is
/// half a step beside one.
void expect_the_same_again(const Case& what, const std::vector<double>& values) {
  const auto unfit = [](double v) { return !std::isfinite(static_cast<float>(v)); };
  const Format& format = *what.layout.format;
  if (format.group == 0 || format.minima || std::any_of(values.begin(), values.end(), unfit))
    return;
  const Stored again(what.layout, std::vector<float>(values.begin(), values.end()));
  const std::vector<double> same = again.values();
  for (std::size_t i = 0; i < values.size(); ++i)
    expect(std::fabs(same[i] - values[i]) <= 1e-6 * std::fabs(values[i]) + 0x1p-126, [&] {
      const auto at = static_cast<Integer>(i);
      return what(at / what.layout.k, at % what.layout.k,
                  std::to_string(values[i]) + " became " + std::to_string(same[i]));
    });
}

void quantize_any_floats(Choices& choices) {
  const Case what = drawn_case(choices);
  const auto w = drawn_floats(choices, static_cast<std::size_t>(what.layout.n * what.layout.k));
  const Stored stored(what.layout, w);
  const std::vector<double> values = stored.values();
  expect_near(what, stored, values, w);
  expect_the_same_again(what, values);
}

void quantize_any_activations(Choices& choices) {
  const int kind = choices.below(3);
  const bool half = kind == 1, in_superblock = kind == 2;
  const auto x = drawn_floats(choices, in_superblock ? static_cast<std::size_t>(superblock)
                                                     : std::size_t(1 + choices.below(128)));
  std::vector<std::int8_t> codes(x.size(), 99);
  const double scale =
      in_superblock
          ? quantize_superblock(x.data(), codes.data())
          : quantize_activations(x.data(), static_cast<Integer>(x.size()), half, codes.data());
  expect(*std::min_element(codes.begin(), codes.end()) >= -127, [] { return "a code of -128"; });
  if (std::isinf(scale)) return;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double slack = half ? std::fabs(x[i]) * 0x1p-10 + 127 * 0x1p-24 : 0x1p-119;
    expect(std::fabs(scale * codes[i] - x[i]) <= 0.5001 * std::fabs(scale) + slack, [&] {
      return "activation " + std::to_string(x[i]) + " became " + std::to_string(scale * codes[i]);
    });
  }
}

void round_any_bits(Choices& choices) {
  const auto value = std::bit_cast<float>(choices.word());
  const unsigned four = to_e2m1(value), eight = to_e4m3(value);
  expect(four < 16 && eight < 256 && std::isnan(from_e4m3(eight)) == std::isnan(value),
         [&] { return "small floats of " + std::to_string(value); });
}

}  // namespace
}  // namespace ergon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ergon::fuzz::Choices choices(data, size);
  constexpr void (*kinds[])(ergon::fuzz::Choices&) = {
      ergon::read_any_bytes, ergon::quantize_any_floats, ergon::quantize_any_activations,
      ergon::round_any_bits};
  kinds[choices.below(std::size(kinds))](choices);
  return 0;
}
