#include "kernels/gemm/oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "kernels/fill.h"
#include "kernels/gemm/calibrate.h"

namespace ergon {
namespace {

using std::string;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;
using testing::StartsWith;

using Integer = std::int64_t;

// A GEMM, its oracle, and a C that a float64 triple loop computed, rounded to the output type.
class Answered {
 public:
  Answered(FieldMap fields, Coverage coverage)
      : gemm_(dynamic_cast<const Gemm&>(*gemm_family().make(fields))),
        inputs_(gemm_family().inputs(gemm_, 5, 1)),
        oracle_(make_gemm_oracle(gemm_, *inputs_, coverage)),
        desc_(gemm_.desc(gemm_.c(), gemm_.types.output)),
        bytes_(desc_.span_bytes(), poison_byte(desc_.dtype)) {
    const HostTensor a = inputs_->tensor("a", 0), b = inputs_->tensor("b", 0);
    for (Integer index = 0; index < gemm_.batch; ++index)
      for (Integer i = 0; i < gemm_.m; ++i)
        for (Integer j = 0; j < gemm_.n; ++j) answer(a, b, index, i, j);
  }
  Accuracy check() const {
    const HostTensor c{"c", desc_, bytes_.data()};
    return oracle_->check({&c, 1});
  }
  double get(Integer index, Integer i, Integer j) const {
    return load(desc_.dtype, bytes_.data(), at(index, i, j));
  }
  void set(Integer index, Integer i, Integer j, double value) {
    store(desc_.dtype, bytes_.data(), at(index, i, j), value);
  }
  Inputs& inputs() { return *inputs_; }
  const Oracle& oracle() const { return *oracle_; }
  const Gemm& gemm() const { return gemm_; }

 private:
  Integer at(Integer index, Integer i, Integer j) const {
    return index * desc_.strides[0] + i * desc_.strides[1] + j * desc_.strides[2];
  }
  static double element(const HostTensor& tensor, Integer index, Integer i, Integer j,
                        bool transpose) {
    const auto& strides = tensor.desc.strides;
    if (transpose) std::swap(i, j);
    return load(tensor.desc.dtype, tensor.data,
                index * strides[0] + i * strides[1] + j * strides[2]);
  }
  void answer(const HostTensor& a, const HostTensor& b, Integer index, Integer i, Integer j) {
    double sum = 0;
    for (Integer p = 0; p < gemm_.k; ++p)
      sum +=
          element(a, index, i, p, gemm_.transpose_a) * element(b, index, p, j, gemm_.transpose_b);
    sum *= gemm_.alpha;
    if (gemm_.beta != 0) sum += gemm_.beta * element(inputs_->tensor("c", 0), index, i, j, false);
    set(index, i, j, sum);
  }

  const Gemm gemm_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Oracle> oracle_;
  TensorDesc desc_;
  std::vector<std::byte> bytes_;
};

FieldMap sizes(Integer m, Integer n, Integer k, const string& dtype, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}, {"dtype", dtype}});
  return more;
}

// Every dtype, whole and sampled.
class GemmOracle : public testing::TestWithParam<std::tuple<string, Coverage>> {
 protected:
  static Answered answered(Integer m, Integer n, Integer k, FieldMap more = {}) {
    return {sizes(m, n, k, std::get<0>(GetParam()), std::move(more)), std::get<1>(GetParam())};
  }
  static bool sampled() { return std::get<1>(GetParam()) == Coverage::sampled; }
};

TEST_P(GemmOracle, AcceptsTheRightC) {
  EXPECT_THAT(answered(70, 90, 40).check().mismatch, Eq(std::nullopt));
  EXPECT_THAT(answered(1, 1, 1).check().mismatch, Eq(std::nullopt));
  EXPECT_THAT(answered(3, 200, 0).check().mismatch, Eq(std::nullopt));
}

TEST_P(GemmOracle, AcceptsTheRightCInAnyLayout) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const char* layout : {"row", "col"}) {
        const FieldMap more = {{"transpose_a", transpose_a},
                               {"transpose_b", transpose_b},
                               {"layout", string(layout)},
                               {"batch", Integer{5}},
                               {"beta", 1.0},
                               {"ldc", Integer{60}},
                               {"lda", Integer{77}},
                               {"ldb", Integer{88}}};
        EXPECT_THAT(answered(23, 57, 31, more).check().mismatch, Eq(std::nullopt))
            << layout << transpose_a << transpose_b;
      }
}

TEST_P(GemmOracle, FindsAWrongElementAnywhere) {
  Answered c = answered(70, 90, 40, {{"batch", Integer{4}}});
  const double scale = c.gemm().is_integer() ? 1e6 : 10;
  for (const auto [index, i, j] :
       {std::array<Integer, 3>{0, 0, 0}, {3, 69, 89}, {1, 33, 44}, {2, 1, 88}}) {
    const double was = c.get(index, i, j);
    c.set(index, i, j, was + scale);
    EXPECT_TRUE(c.check().mismatch.has_value()) << index << " " << i << " " << j;
    c.set(index, i, j, was);
  }
  EXPECT_THAT(c.check().mismatch, Eq(std::nullopt));
}

TEST_P(GemmOracle, FindsWhatNobodyWrote) {
  Answered c = answered(70, 90, 40, {{"layout", string("col")}});
  const std::vector<std::byte> poison(8, poison_byte(c.gemm().types.output));
  c.set(0, 41, 52, load(c.gemm().types.output, poison.data(), 0));
  EXPECT_TRUE(c.check().mismatch.has_value());
}

TEST_P(GemmOracle, FindsARowOfZeros) {
  Answered c = answered(70, 90, 40);
  for (Integer j = 0; j < 90; ++j) c.set(0, 37, j, 0);
  EXPECT_TRUE(c.check().mismatch.has_value());
}

TEST_P(GemmOracle, KeepsItsExpectationsWhenTheInputsAreRefilled) {
  Answered c = answered(20, 30, 40, {{"beta", 1.0}});
  for (const char* name : {"a", "b", "c"})
    fill_uniform(c.inputs().desc(name), c.inputs().data(name, 0), 99, 0, 1);
  EXPECT_THAT(c.check().mismatch, Eq(std::nullopt));
}

TEST_P(GemmOracle, SaysHowItKnows) {
  const Accuracy accuracy = answered(70, 90, 40).check();
  const bool integer = answered(1, 1, 1).gemm().is_integer();
  EXPECT_THAT(accuracy.reference, HasSubstr(integer ? "exact" : "float64"));
  EXPECT_THAT(accuracy.reference, HasSubstr(sampled() ? "random vectors" : "every element"));
  EXPECT_THAT(accuracy.tolerance == 0, Eq(integer));
  EXPECT_THAT(accuracy.checked_elements == 70 * 90, Eq(!sampled()));
}

string parameter_name(const testing::TestParamInfo<GemmOracle::ParamType>& param) {
  return std::get<0>(param.param) +
         (std::get<1>(param.param) == Coverage::whole ? "_whole" : "_sampled");
}

INSTANTIATE_TEST_SUITE_P(Every, GemmOracle,
                         testing::Combine(testing::Values("f64", "f32", "f16", "bf16", "bf16_f32",
                                                          "s8", "u8s8"),
                                          testing::Values(Coverage::whole, Coverage::sampled)),
                         parameter_name);

TEST(GemmOracleWhole, FindsAnErrorOfTwoTolerances) {
  Answered c(sizes(70, 90, 40, "f32"), Coverage::whole);
  const double tolerance = c.check().tolerance;
  c.set(0, 69, 89, c.get(0, 69, 89) + 2 * tolerance);
  EXPECT_THAT(c.check().mismatch, Optional(StartsWith("c[0,69,89]")));
}

TEST(GemmOracleWhole, FindsASignFlip) {
  Answered c(sizes(70, 90, 40, "bf16"), Coverage::whole);
  c.set(0, 50, 60, -c.get(0, 50, 60));
  EXPECT_THAT(c.check().mismatch, Optional(StartsWith("c[0,50,60]")));
}

TEST(GemmOracleWhole, FindsANumberOneOffInIntegers) {
  Answered c(sizes(70, 90, 40, "s8"), Coverage::whole);
  c.set(0, 50, 60, c.get(0, 50, 60) + 1);
  EXPECT_THAT(c.check().mismatch, Optional(StartsWith("c[0,50,60]")));
}

TEST(GemmOracleSampled, FindsANumberOneOffAnywhereInIntegers) {
  Answered c(sizes(70, 90, 40, "u8s8"), Coverage::sampled);
  for (Integer i = 0; i < 70; ++i) {
    const Integer j = (i * 37) % 90;
    c.set(0, i, j, c.get(0, i, j) + 1);
    EXPECT_TRUE(c.check().mismatch.has_value()) << i << "," << j;
    c.set(0, i, j, c.get(0, i, j) - 1);
  }
}

TEST(GemmOracleSampled, FindsTheSizeOfErrorItClaimsAnywhere) {
  Answered c(sizes(200, 300, 64, "f32"), Coverage::sampled);
  const double tolerance = c.check().tolerance;
  const double size =
      2 * std::sqrt(16.0) * 15 / 8 * tolerance;  // |t| / 4 at its most, segments of 16
  for (Integer i = 0; i < 200; ++i) {
    const Integer j = (i * 137) % 300;
    const double was = c.get(0, i, j);
    c.set(0, i, j, was + (i % 2 == 0 ? size : -size));
    EXPECT_TRUE(c.check().mismatch.has_value()) << i << "," << j;
    c.set(0, i, j, was);
  }
}

TEST(GemmOracleSampled, NamesThePlaceInTheTensorsOwnOrder) {
  Answered c(sizes(200, 40, 64, "f32", {{"layout", string("col")}}), Coverage::sampled);
  c.set(0, 101, 17, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(c.check().mismatch, Optional(testing::MatchesRegex("c\\[0,[0-9.]*,17\\].*")));
}

TEST(GemmOracleInterface, RefusesAnOutputOfAnotherShape) {
  const Answered c(sizes(4, 5, 6, "f32"), Coverage::whole);
  const HostTensor other{"c", dense(DType::f32, {1, 5, 4}), nullptr};
  EXPECT_THROW(c.oracle().check({&other, 1}), std::invalid_argument);
  EXPECT_THROW(c.oracle().check({}), std::invalid_argument);
}

TEST(GemmOracleInterface, SamplesWhatIsTooMuchToComputeWhole) {
  const auto reference = [](const FieldMap& fields) {
    const auto workload = gemm_family().make(fields);
    const auto inputs = gemm_family().inputs(*workload, 1, 1);
    const TensorDesc desc = dense(DType::f32, {1, 5000, 4000});
    const std::vector<float> zeros(5000 * 4000);
    const HostTensor c{"c", desc, reinterpret_cast<const std::byte*>(zeros.data())};
    return gemm_family().oracle(*workload, *inputs)->check({&c, 1}).reference;
  };
  EXPECT_THAT(reference(sizes(5000, 4000, 0, "f32")), HasSubstr("random vectors"));
}

Calibration calibrated(const FieldMap& fields) {
  const auto workload = gemm_family().make(fields);
  const auto inputs = gemm_family().inputs(*workload, 1, 1);
  return calibrate(Problem(dynamic_cast<const Gemm&>(*workload)), *inputs);
}

TEST(Calibration, KnowsTheScaleOfC) {
  const double expected = std::sqrt(400.0) / 3;  // of sums of 400 products of uniform values
  EXPECT_NEAR(calibrated(sizes(100, 100, 400, "f32")).scale, expected, 0.05 * expected);
  EXPECT_NEAR(calibrated(sizes(100, 100, 400, "f32", {{"alpha", -3.0}})).scale, 3 * expected,
              0.15 * expected);
}

TEST(Calibration, IsAtLeastFourUnitsInTheLastPlace) {
  const Calibration c = calibrated(sizes(1, 1, 1, "f32"));
  EXPECT_EQ(c.tolerance, 4 * 0x1p-23 * c.scale);
}

TEST(Calibration, StaysFarBelowTheValuesThemselves) {
  for (const char* dtype : {"f64", "f32", "bf16_f32", "bf16", "f16"}) {
    const Calibration c = calibrated(sizes(64, 64, 2048, dtype));
    const std::string_view output = gemm_family().make(sizes(1, 1, 1, dtype))->dtypes().output;
    const double epsilon = info(*dtype_from_name(output)).epsilon;
    EXPECT_LT(c.tolerance, 4 * std::sqrt(2048.0) * epsilon * c.scale) << dtype;
  }
}

TEST(Calibration, GrowsWithTheErrorOfPlainSumsNotWithTheirLength) {
  const Calibration few = calibrated(sizes(64, 64, 256, "f32"));
  const Calibration many = calibrated(sizes(64, 64, 4096, "f32"));
  EXPECT_LT(many.tolerance / many.scale, 8 * few.tolerance / few.scale);
}

TEST(Calibration, LeavesIntegersNoTolerance) {
  EXPECT_EQ(calibrated(sizes(64, 64, 64, "s8")).tolerance, 0);
}

}  // namespace
}  // namespace ergon
