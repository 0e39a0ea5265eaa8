// The projections of native latent attention, of every instruction set, against sums in float64.
#include "kernels/attention/native_products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "tests/unit/attention/native_isas.h"
#include "tests/unit/simd/guarded.h"

namespace ergon {
namespace {

using Bytes = simd::Guarded<std::byte>;

struct Case {
  DType given, product, output;
  std::int64_t n, k, rows;
  bool k_is_outer;  // of the given matrix
};

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const auto& [given, product] :
       {std::pair{DType::bf16, DType::bf16}, {DType::bf16, DType::f32}, {DType::f32, DType::f32}})
    for (const DType output : {DType::bf16, DType::f32})
      for (const std::int64_t n : {1, 17, 130})
        for (const std::int64_t k : {1, 6, 33})
          for (const std::int64_t rows : {1, 15, 40})
            for (const bool outer : {false, true})
              list.push_back({given, product, output, n, k, rows, outer});
  return list;
}

class Numbers {
 public:
  Numbers(DType dtype, std::int64_t count, std::mt19937& draw)
      : dtype_(dtype),
        bytes_(static_cast<int>(count * static_cast<std::int64_t>(size_of(dtype))), std::byte{0}) {
    std::uniform_real_distribution<double> real(-1, 1);
    for (std::int64_t i = 0; i < count; ++i) set(i, real(draw));
  }
  void set(std::int64_t index, double value) { store(dtype_, bytes_.data(), index, value); }
  double at(std::int64_t index) { return load(dtype_, bytes_.data(), index); }
  std::byte* data() { return bytes_.data(); }

 private:
  DType dtype_;
  Bytes bytes_;
};

void expect_right(const Case& c, simd::Isa isa) {
  constexpr std::int64_t heads = 2, beside = 3;
  std::mt19937 draw(3);
  const HeadProducts products(c.product, heads, c.n, c.k, isa);
  Numbers matrix(c.given, heads * c.n * c.k, draw);
  Bytes packed(static_cast<int>(products.bytes()), std::byte{0x77});
  const auto given = static_cast<std::int64_t>(size_of(c.given));
  for (std::int64_t h = 0; h < heads; ++h)
    products.pack(matrix.data() + h * c.n * c.k * given, c.given, c.k_is_outer ? 1 : c.k,
                  c.k_is_outer ? c.n : 1, h, packed.data());
  ASSERT_TRUE(packed.guards_hold());
  const std::int64_t row = c.k + beside, out_row = c.n + beside;
  const auto size = static_cast<std::int64_t>(size_of(c.output));
  for (std::int64_t h = 0; h < heads; ++h) {
    Numbers left(c.product, c.rows * row, draw);
    for (std::int64_t r = 0; r < c.rows; ++r)
      for (std::int64_t i = c.k; i < row; ++i)
        left.set(r * row + i, std::numeric_limits<double>::quiet_NaN());
    Bytes out(static_cast<int>(c.rows * out_row * size), std::byte{0x55});
    products.multiply(packed.data(), h,
                      {left.data(), row * static_cast<std::int64_t>(size_of(c.product))}, c.rows,
                      c.output, out.data(), out_row * size);
    ASSERT_TRUE(out.guards_hold());
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t j = 0; j < c.n; ++j) {
        double exact = 0;
        for (std::int64_t i = 0; i < c.k; ++i)
          exact += left.at(r * row + i) *
                   matrix.at(h * c.n * c.k + (c.k_is_outer ? i * c.n + j : j * c.k + i));
        const double rounded = c.output == DType::bf16 ? 0x1p-8 * std::fabs(exact) : 0;
        ASSERT_NEAR(load(c.output, out.data(), r * out_row + j), exact,
                    rounded + static_cast<double>(c.k + 1) * 1.5e-7)
            << "head " << h << " row " << r << " column " << j;
      }
      for (std::int64_t i = c.n * size; i < out_row * size; ++i)
        ASSERT_EQ(out[static_cast<int>(r * out_row * size + i)], std::byte{0x55}) << "beside";
    }
  }
}

TEST(NativeProducts, AreRightWhateverLiesBesideARow) {
  for (const simd::Isa isa : usable_isas())
    for (const Case& c : cases()) {
      SCOPED_TRACE(std::string(simd::name(isa)) + ": " + std::string(name(c.given)) + " as " +
                   std::string(name(c.product)) + " to " + std::string(name(c.output)) + ", n " +
                   std::to_string(c.n) + ", k " + std::to_string(c.k) + ", rows " +
                   std::to_string(c.rows) + (c.k_is_outer ? ", k outer" : ""));
      expect_right(c, isa);
      if (testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace ergon
