// The test libraries do what their names say: the honest one is right, each other one is found out
// by the check that is meant for it, and by no accident.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cblas/prepared.h"

namespace ergon {
namespace {

using testing::Eq;
using testing::Not;

const auto right = Eq(std::nullopt);
const auto wrong = Not(Eq(std::nullopt));

TEST(TestLibraries, the_honest_one_is_right_in_every_layout) {
  const auto honest = open_one(test_library("honest"));
  for (const char* layout : {"row", "col"})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        const FieldMap fields = {{"m", std::int64_t{7}},
                                 {"n", std::int64_t{5}},
                                 {"k", std::int64_t{11}},
                                 {"layout", std::string(layout)},
                                 {"transpose_a", transpose_a},
                                 {"transpose_b", transpose_b},
                                 {"lda", std::int64_t{13}},
                                 {"ldb", std::int64_t{14}},
                                 {"ldc", std::int64_t{15}},
                                 {"alpha", 0.5},
                                 {"beta", -2.0}};
        EXPECT_THAT(Prepared(*honest, fields).call().mismatch, right)
            << layout << transpose_a << transpose_b;
      }
}

class WrongAtOnce : public testing::TestWithParam<const char*> {};

TEST_P(WrongAtOnce, is_found_out_in_every_call) {
  const auto cheat = open_one(test_library(GetParam()));
  for (const char* dtype : {"f32", "f64"}) {
    Prepared gemm(*cheat, square(37, dtype));
    EXPECT_THAT(gemm.call().mismatch, wrong) << dtype;
    EXPECT_THAT(gemm.call().mismatch, wrong) << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(TestLibraries, WrongAtOnce,
                         testing::Values("zeros", "nothing", "hole", "sign", "nan"),
                         [](const auto& one) { return std::string(one.param); });

TEST(TestLibraries, first_and_last_is_right_when_it_may_be_watched_and_wrong_between) {
  const std::string file = test_library("first_and_last");
  Prepared gemm(*open_one(file), square(16));
  EXPECT_THAT(gemm.call().mismatch, right);
  const auto be_honest = reinterpret_cast<void (*)(int)>(
      dlsym(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL), "ergon_test_be_honest"));
  be_honest(0);
  EXPECT_THAT(gemm.call().mismatch, wrong);
  be_honest(1);
  EXPECT_THAT(gemm.call().mismatch, right);
}

TEST(TestLibraries, remembers_pointers_is_right_once_and_leaves_the_poison_after_that) {
  Prepared gemm(*open_one(test_library("remembers_pointers")), square(16));
  EXPECT_THAT(gemm.call().mismatch, right);
  EXPECT_THAT(gemm.call().mismatch, wrong);
}

TEST(TestLibraries, remembers_results_is_right_until_the_inputs_change_in_place) {
  Prepared gemm(*open_one(test_library("remembers_results")), square(16));
  EXPECT_THAT(gemm.call().mismatch, right);
  EXPECT_THAT(gemm.call().mismatch, right);
  auto* const a = reinterpret_cast<float*>(gemm.inputs().data("a", 0));
  for (int i = 0; i < 16 * 16; ++i) a[i] = -a[i];
  EXPECT_THAT(gemm.call().mismatch, wrong);
}

}  // namespace
}  // namespace ergon
