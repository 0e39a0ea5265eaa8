// What oneDNN computes: every dtype, layout, batch, alpha and beta, in both variants.
#include <oneapi/dnnl/dnnl_version.h>

#include <tuple>

#include "tests/unit/onednn/prepared_gemm.h"

namespace ergon {
namespace {

using testing::Bool;
using testing::Combine;
using testing::HasSubstr;
using testing::Values;

const auto variants = Values("packed-once", "packed-per-call");

// f32 is there on every processor, 8 bits wherever VNNI is (the refusal then names it); the others
// depend on version and instruction set.
bool may_refuse(std::string_view dtype, const std::string& reason) {
  if (dtype == "s8" || dtype == "u8s8") return reason.find("VNNI") != std::string::npos;
  return dtype != "f32";
}

class OnednnDtype : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(OnednnDtype, IsMultipliedRightOrRefusedInTheLibrarysWords) {
  const auto [variant, dtype] = GetParam();
  for (const FieldMap& fields : {shape(1, 1, 1), shape(1, 70, 33), shape(37, 1, 64),
                                 shape(33, 65, 130), shape(64, 96, 128)}) {
    PreparedGemm problem(variant, with(fields, {{"dtype", std::string(dtype)}}));
    if (problem.refusal) {
      EXPECT_THAT(*problem.refusal, HasSubstr("oneDNN"));
      EXPECT_TRUE(may_refuse(dtype, *problem.refusal)) << *problem.refusal;
      continue;
    }
    problem.poison();
    problem.everything();
    EXPECT_EQ(wrong_at(problem), "") << problem.workload->name() << " " << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, OnednnDtype,
                         Combine(variants,
                                 Values("f64", "f32", "f16", "bf16", "bf16_f32", "s8", "u8s8")));

class OnednnLayout
    : public testing::TestWithParam<std::tuple<const char*, const char*, bool, bool, bool, bool>> {
};

TEST_P(OnednnLayout, IsReadAndWrittenInPlace) {
  const auto [variant, dtype, column_major, transpose_a, transpose_b, padded] = GetParam();
  const std::int64_t batch = padded ? 1 : 3;
  FieldMap fields = with(shape(19, 34, 45), {{"dtype", std::string(dtype)},
                                             {"layout", std::string(column_major ? "col" : "row")},
                                             {"transpose_a", transpose_a},
                                             {"transpose_b", transpose_b},
                                             {"batch", batch}});
  if (padded)
    for (const char* ld : {"lda", "ldb", "ldc"}) fields.insert_or_assign(ld, std::int64_t{50});
  PreparedGemm problem(variant, fields);
  if (problem.refusal) {
    // Tried with 3.13: it packs no padded s8 for products of s8.
    const bool cannot_pack = DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR > 2 && padded &&
                             dtype == std::string_view("s8") &&
                             problem.refusal->find("reorder") != std::string::npos;
    EXPECT_TRUE(may_refuse(dtype, *problem.refusal) || column_major || cannot_pack)
        << *problem.refusal;
    GTEST_SKIP() << *problem.refusal;
  }
  problem.poison();
  problem.everything();
  EXPECT_EQ(wrong_at(problem), "");
}

INSTANTIATE_TEST_SUITE_P(Each, OnednnLayout,
                         Combine(variants, Values("f32", "bf16", "s8", "u8s8"), Bool(), Bool(),
                                 Bool(), Bool()));

using Scales = std::pair<double, double>;
class OnednnScales
    : public testing::TestWithParam<std::tuple<const char*, const char*, Scales, std::int64_t>> {};

TEST_P(OnednnScales, AreAppliedToTheProductAndToTheCBefore) {
  const auto [variant, dtype, scales, batch] = GetParam();
  PreparedGemm problem(variant, with(shape(21, 40, 52), {{"dtype", std::string(dtype)},
                                                         {"alpha", scales.first},
                                                         {"beta", scales.second},
                                                         {"batch", batch}}));
  if (problem.refusal) GTEST_SKIP() << *problem.refusal;
  problem.everything();
  EXPECT_EQ(wrong_at(problem), "");
  problem.everything();  // reset() put C back, so the same again
  EXPECT_EQ(wrong_at(problem), "");
}

INSTANTIATE_TEST_SUITE_P(Each, OnednnScales,
                         Combine(variants, Values("f32", "bf16", "bf16_f32", "f16"),
                                 Values(Scales{1, 1}, Scales{1, -0.5}, Scales{0.75, 0},
                                        Scales{-2, 0.25}),
                                 Values(std::int64_t{1}, std::int64_t{2})));
INSTANTIATE_TEST_SUITE_P(Integers, OnednnScales,
                         Combine(variants, Values("s8", "u8s8"), Values(Scales{1, 1}),
                                 Values(std::int64_t{1}, std::int64_t{2})));

// The largest operands there are: sums of two products that 16 bits do not hold, and totals just
// below 2^24, where a float (which some of oneDNN's paths go through) stops holding every integer.
class OnednnLargeOperands
    : public testing::TestWithParam<std::tuple<const char*, const char*, double, int>> {};

TEST_P(OnednnLargeOperands, GiveExactIntegers) {
  const auto [variant, dtype, beta, b] = GetParam();
  constexpr std::int64_t m = 5, n = 33, k = 511;
  PreparedGemm problem(variant,
                       with(shape(m, n, k), {{"dtype", std::string(dtype)}, {"beta", beta}}));
  if (problem.refusal) GTEST_SKIP() << *problem.refusal;
  const int a = std::string_view(dtype) == "u8s8" ? 255 : 127;
  std::memset(problem.inputs->data("a", 0), a, m * k);
  std::memset(problem.inputs->data("b", 0), b, k * n);
  problem.everything();
  EXPECT_EQ(wrong_at(problem), "");
}

INSTANTIATE_TEST_SUITE_P(Each, OnednnLargeOperands,
                         Combine(variants, Values("s8", "u8s8"), Values(0.0, 1.0),
                                 Values(127, -127)));

TEST(OnednnGemm, RefusesEmptySumsBecauseTheLibraryWritesNothing) {
  for (const char* variant : {"packed-once", "packed-per-call"}) {
    PreparedGemm problem(variant, shape(4, 6, 0));
    ASSERT_TRUE(problem.refusal);
    EXPECT_THAT(*problem.refusal, HasSubstr("k = 0"));
  }
}

}  // namespace
}  // namespace ergon
