#include "kernels/gemm/gemm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

using std::string;
using testing::ElementsAre;
using testing::HasSubstr;

using Integer = std::int64_t;

FieldMap sizes(Integer m, Integer n, Integer k, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}});
  return more;
}

Gemm make(const FieldMap& fields) { return dynamic_cast<const Gemm&>(*gemm_family().make(fields)); }

string complaint(const FieldMap& fields) {
  try {
    make(fields);
  } catch (const InvalidField& error) {
    return error.field + ": " + error.what();
  }
  return "accepted";
}

TEST(Gemm, IsNamedByItsSizesAndWhatIsUnusual) {
  EXPECT_EQ(make(sizes(8, 64, 32)).name(), "gemm/m=8,n=64,k=32");
  EXPECT_EQ(make(sizes(8, 64, 32, {{"beta", 1.0}, {"dtype", string("bf16")}})).name(),
            "gemm/m=8,n=64,k=32,beta=1");
  EXPECT_EQ(make(sizes(8, 64, 32, {{"layout", string("col")}, {"transpose_a", true}})).name(),
            "gemm/m=8,n=64,k=32,layout=col,transpose_a=true");
}

TEST(Gemm, HasOneNameForATightLeadingDimensionGivenOrNot) {
  EXPECT_EQ(make(sizes(8, 64, 32, {{"lda", Integer{32}}})).name(), "gemm/m=8,n=64,k=32");
  EXPECT_EQ(make(sizes(8, 64, 32, {{"lda", Integer{33}}})).name(), "gemm/m=8,n=64,k=32,lda=33");
}

TEST(Gemm, CountsTwoOperationsForAMultiplyAdd) {
  EXPECT_EQ(make(sizes(2, 3, 5, {{"batch", Integer{7}}})).work().flops, 2 * 2 * 3 * 5 * 7);
}

TEST(Gemm, MovesEachOperandOnceAndCTwiceWhereItIsAddedTo) {
  EXPECT_EQ(make(sizes(2, 3, 5)).work().bytes, 4 * (2 * 5 + 5 * 3 + 2 * 3));
  EXPECT_EQ(make(sizes(2, 3, 5, {{"beta", 1.0}})).work().bytes, 4 * (2 * 5 + 5 * 3 + 2 * 2 * 3));
  EXPECT_EQ(make(sizes(2, 3, 5, {{"beta", 1.0}})).distinct_bytes(), 4 * (2 * 5 + 5 * 3 + 2 * 3));
  EXPECT_EQ(make(sizes(2, 3, 5)).distinct_bytes(), 4 * (2 * 5 + 5 * 3 + 2 * 3));
  EXPECT_EQ(make(sizes(2, 3, 5, {{"alpha", 0.0}, {"beta", 1.0}})).distinct_bytes(), 4 * 2 * 3);
  EXPECT_EQ(make(sizes(2, 3, 5, {{"dtype", string("u8s8")}})).work().bytes,
            2 * 5 + 5 * 3 + 4 * 2 * 3);
  EXPECT_EQ(make(sizes(2, 3, 5, {{"lda", Integer{100}}})).work().bytes,
            make(sizes(2, 3, 5)).work().bytes);
}

TEST(Gemm, StreamsWeightsWhereOneSideIsThin) {
  EXPECT_TRUE(make(sizes(1, 4096, 4096)).streams_weights());
  EXPECT_TRUE(make(sizes(4096, 32, 4096)).streams_weights());
  EXPECT_FALSE(make(sizes(33, 33, 4096)).streams_weights());
}

TEST(Gemm, TakesItsTypesFromTheDtypeField) {
  const Gemm g = make(sizes(1, 1, 1, {{"dtype", string("bf16_f32")}}));
  EXPECT_EQ(g.dtypes(), (TypeNames{"bf16", "bf16", "f32", "f32", "bf16"}));
  EXPECT_TRUE(make(sizes(1, 1, 1, {{"dtype", string("u8s8")}})).is_integer());
}

TEST(Gemm, StoresRowsOneLeadingDimensionApart) {
  const Gemm g = make(sizes(2, 3, 5, {{"batch", Integer{4}}, {"lda", Integer{8}}}));
  EXPECT_THAT(g.desc(g.a(), DType::f32).sizes, ElementsAre(4, 2, 5));
  EXPECT_THAT(g.desc(g.a(), DType::f32).strides, ElementsAre(16, 8, 1));
}

TEST(Gemm, StoresColumnsOneLeadingDimensionApartInColumnOrder) {
  const Gemm g = make(sizes(2, 3, 5, {{"layout", string("col")}}));
  EXPECT_THAT(g.desc(g.b(), DType::f32).sizes, ElementsAre(1, 5, 3));
  EXPECT_THAT(g.desc(g.b(), DType::f32).strides, ElementsAre(15, 1, 5));
}

TEST(Gemm, StoresATransposedOperandTheOtherWayRound) {
  const Gemm g = make(sizes(2, 3, 5, {{"transpose_a", true}}));
  EXPECT_EQ(g.a().rows, 5);
  EXPECT_EQ(g.a().cols, 2);
  EXPECT_EQ(g.a().ld, 2);
}

TEST(Gemm, MayHaveSumsOfNothing) { EXPECT_EQ(make(sizes(2, 3, 0)).work().flops, 0); }

TEST(Gemm, RefusesSizesBelowOne) {
  EXPECT_EQ(complaint(sizes(0, 1, 1)), "m: must be at least 1, not 0");
  EXPECT_EQ(complaint(sizes(1, 1, -1)), "k: must be at least 0, not -1");
}

TEST(Gemm, RefusesProductsThatOverflow) {
  const Integer big = Integer{1} << 31;
  EXPECT_THAT(complaint(sizes(big, big, 2)), HasSubstr("beyond 2^62"));
  const Integer largest = std::numeric_limits<Integer>::max();
  EXPECT_THAT(complaint(sizes(largest, largest, largest)), HasSubstr("beyond 2^62"));
  EXPECT_THAT(complaint(sizes(2, 1, 1, {{"lda", largest}})),
              testing::StartsWith("lda: the matrix would need more than 2^62 bytes"));
  const Integer huge{std::int64_t{1} << 60};
  EXPECT_THAT(complaint(sizes(huge, 1, 1)), testing::StartsWith("m: the matrix would need"));
  EXPECT_THAT(complaint(sizes(1, huge, 1)), testing::StartsWith("n: the matrix would need"));
  EXPECT_THAT(complaint(sizes(1, 1, huge)), testing::StartsWith("k: the matrix would need"));
  EXPECT_THAT(complaint(sizes(1, 1, 1, {{"batch", huge}})),
              testing::StartsWith("batch: the matrix would need"));
}

TEST(Gemm, RefusesLeadingDimensionsThatAreTooSmall) {
  EXPECT_EQ(complaint(sizes(2, 3, 5, {{"lda", Integer{4}}})),
            "lda: must be at least 5 for this matrix (0: tight), not 4");
  EXPECT_EQ(complaint(sizes(2, 3, 5, {{"ldc", Integer{2}}, {"layout", string("col")}})),
            "accepted");
  EXPECT_EQ(complaint(sizes(2, 3, 5, {{"ldc", Integer{-1}}})), "ldc: must be at least 0, not -1");
}

TEST(Gemm, RefusesFactorsThatIntegersCannotHold) {
  const FieldValue s8 = string("s8");
  EXPECT_THAT(complaint(sizes(1, 1, 1, {{"dtype", s8}, {"alpha", 2.0}})),
              HasSubstr("alpha: must be 1"));
  EXPECT_THAT(complaint(sizes(1, 1, 1, {{"dtype", s8}, {"beta", 0.5}})),
              HasSubstr("beta: must be 0 or 1"));
  EXPECT_EQ(complaint(sizes(1, 1, 1, {{"dtype", s8}, {"beta", 1.0}})), "accepted");
}

TEST(Gemm, RefusesFactorsThatAreNotFinite) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(complaint(sizes(1, 1, 1, {{"alpha", inf}})), HasSubstr("alpha: must be finite"));
  EXPECT_THAT(complaint(sizes(1, 1, 1, {{"beta", 1e300}})),
              HasSubstr("beta: 1e+300 is beyond f32"));
  EXPECT_EQ(complaint(sizes(1, 1, 1, {{"beta", 1e300}, {"dtype", string("f64")}})), "accepted");
}

TEST(GemmInputs, HoldCOnlyWhereItIsRead) {
  const auto names = [](const FieldMap& fields) {
    const auto workload = gemm_family().make(fields);
    std::vector<string> list;
    for (const NamedDesc& operand : gemm_family().operands(*workload)) list.push_back(operand.name);
    return list;
  };
  EXPECT_THAT(names(sizes(2, 3, 5)), ElementsAre("a", "b"));
  EXPECT_THAT(names(sizes(2, 3, 5, {{"beta", 1.0}})), ElementsAre("a", "b", "c"));
}

TEST(GemmInputs, AreTheSameInEverySlotAndForAnyNumberOfSlots) {
  const auto workload = gemm_family().make(sizes(20, 30, 50));
  const auto one = gemm_family().inputs(*workload, 3, 1),
             two = gemm_family().inputs(*workload, 3, 2);
  for (const char* operand : {"a", "b"}) {
    const std::size_t bytes = one->desc(operand).span_bytes();
    EXPECT_EQ(std::memcmp(one->data(operand, 0), two->data(operand, 0), bytes), 0);
    EXPECT_EQ(std::memcmp(one->data(operand, 0), two->data(operand, 1), bytes), 0);
  }
  EXPECT_NE(std::memcmp(one->data("a", 0), one->data("b", 0), 1000), 0);
}

TEST(GemmInputs, SayHowTheyWereDrawn) {
  const auto workload = gemm_family().make(sizes(64, 64, 64, {{"dtype", string("u8s8")}}));
  const auto inputs = gemm_family().inputs(*workload, 3, 1);
  EXPECT_EQ(inputs->seed, 3U);
  EXPECT_EQ(inputs->distribution, "a uniform integers [0, 255]; b uniform integers [-127, 127]");
  EXPECT_NEAR(inputs->entropy_bits_per_element, 8, 0.1);
}

TEST(GemmInputs, HaveNanInTheirPadding) {
  const auto workload = gemm_family().make(sizes(2, 3, 5, {{"lda", Integer{8}}}));
  const auto inputs = gemm_family().inputs(*workload, 3, 1);
  EXPECT_FALSE(std::isnan(inputs->as<float>("a", 0)[4]));
  EXPECT_TRUE(std::isnan(inputs->as<float>("a", 0)[5]));
}

TEST(GemmOutput, ResetPutsBackTheCBeforeTheCall) {
  string reason;
  const auto devices = find_cpu(reason);
  const auto workload = gemm_family().make(sizes(2, 3, 5, {{"beta", 1.0}}));
  const auto inputs = gemm_family().inputs(*workload, 3, 2);
  GemmOutput output(dynamic_cast<const Gemm&>(*workload), *inputs, *devices[0], 2);
  output.reset(1);
  EXPECT_EQ(std::memcmp(output.data(1), inputs->data("c", 1), 2 * 3 * 4), 0);
  EXPECT_EQ(output.tensors(1).at(0).offset,
            GemmOutput::bytes_per_slot(dynamic_cast<const Gemm&>(*workload)));
}

}  // namespace
}  // namespace ergon
