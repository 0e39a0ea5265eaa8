// The formats of llama.cpp, as format.h defines them, against ggml's own functions.
#include <ggml.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/fill.h"
#include "tests/unit/qmatmul/quantized.h"

namespace ergon {
namespace {

constexpr std::int64_t rows = 50, columns = 512;

struct Values {
  const char* name;
  std::function<float(std::uint64_t)> at;
};

float drawn(std::uint64_t i) { return normal_value(3, 1, i); }

const std::vector<Values>& every_kind() {
  static const std::vector<Values> kinds = {
      {"drawn", drawn},
      {"zeros of both signs", [](std::uint64_t i) { return i % 2 == 0 ? 0.0F : -0.0F; }},
      {"half way between codes",
       [](std::uint64_t i) { return i % 32 == 0 ? -8.0F : static_cast<float>(i % 29) / 2 - 7; }},
      {"half way between bytes",
       [](std::uint64_t i) { return i % 32 == 0 ? 127.0F : static_cast<float>(i % 251) / 2 - 63; }},
      {"largest twice, with both signs",
       [](std::uint64_t i) { return i % 7 == 3   ? 2.0F
                                    : i % 7 == 5 ? -2.0F
                                                 : drawn(i) / 4; }},
      {"of one sign",
       [](std::uint64_t i) { return (i / 32 % 2 == 0 ? 1 : -1) * std::fabs(drawn(i)); }},
      {"the same in a group", [](std::uint64_t i) { return drawn(i / 32); }},
      {"groups of many magnitudes",
       [](std::uint64_t i) { return std::ldexp(drawn(i), -static_cast<int>(i / 32 % 17)); }},
      {"outliers", [](std::uint64_t i) { return i % 61 == 0 ? 40 * drawn(i) : drawn(i); }},
      {"scales of f16's denormals", [](std::uint64_t i) { return drawn(i) * 1e-4F; }},
      {"scales below f16", [](std::uint64_t i) { return drawn(i) * 1e-9F; }},
      {"large", [](std::uint64_t i) { return drawn(i) * 1e5F; }},
  };
  return kinds;
}

std::vector<float> all_of(const Values& kind, float factor = 1) {
  std::vector<float> w(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = kind.at(i) * factor;
  return w;
}

class GgmlBlocks : public testing::TestWithParam<std::pair<const char*, ggml_type>> {
 protected:
  WeightLayout layout() const { return LayoutCase{GetParam().first, 32, false}.of(rows, columns); }
  ggml_type type() const { return GetParam().second; }
  std::vector<std::byte> quantized_by_ggml(const std::vector<float>& w) const {
    std::vector<std::byte> blocks(rows * ggml_row_size(type(), columns));
    ggml_quantize_chunk(type(), w.data(), blocks.data(), 0, rows, columns, nullptr);
    return blocks;
  }
  std::vector<float> dequantized_by_ggml(const std::vector<std::byte>& blocks) const {
    std::vector<float> values(static_cast<std::size_t>(rows * columns));
    ggml_get_type_traits(type())->to_float(blocks.data(), values.data(), rows * columns);
    return values;
  }
};

TEST_P(GgmlBlocks, AreTheSameBytes) {
  for (const Values& kind : every_kind()) {
    const std::vector<float> w = all_of(kind);
    EXPECT_TRUE(Stored(layout(), w).codes == quantized_by_ggml(w)) << kind.name;
  }
}

TEST_P(GgmlBlocks, AreTheSameValues) {
  for (const Values& kind : every_kind()) {
    const Stored stored(layout(), all_of(kind));
    const std::vector<double> ours = stored.values();
    const std::vector<float> values = dequantized_by_ggml(stored.codes);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i], static_cast<float>(ours[i])) << kind.name << " " << i;
  }
}

// ggml divides by the scale that is then rounded to 0, and so the codes are of no meaning.
TEST_P(GgmlBlocks, AreBothZerosWhereTheScaleIsDenormal) {
  for (const float tiny : {1e-39F, 1e-41F, 1e-45F}) {
    const std::vector<float> w = all_of({"tiny", drawn}, tiny);
    for (const float value : dequantized_by_ggml(quantized_by_ggml(w))) ASSERT_EQ(value, 0);
    for (const double value : Stored(layout(), w).values()) ASSERT_EQ(value, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, GgmlBlocks,
                         testing::Values(std::pair{"q4_0", GGML_TYPE_Q4_0},
                                         std::pair{"q8_0", GGML_TYPE_Q8_0},
                                         std::pair{"q4_K", GGML_TYPE_Q4_K}),
                         [](const auto& one) { return std::string(one.param.first); });

}  // namespace
}  // namespace ergon
