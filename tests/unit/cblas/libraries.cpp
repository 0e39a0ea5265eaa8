// Opening: what serves, what does not and why, and several libraries in one process.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "tests/unit/cblas/prepared.h"

namespace ergon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string why_not(const std::string& name_or_path) {
  return open_one(name_or_path)->unavailable().value_or("");
}

std::string why_not(const Implementation& implementation, const FieldMap& fields) {
  return implementation.unsupported(*gemm_family().make(fields)).value_or("");
}

template <class Function>
Function hook(const std::string& file, const char* name) {
  return reinterpret_cast<Function>(dlsym(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL), name));
}

TEST(CblasLibraries, openblas_and_blis_serve_side_by_side_in_one_process) {
  const auto both = make_gemm_cblas({.blas = {"openblas", "blis"}});
  ASSERT_EQ(both[0]->unavailable(), std::nullopt);
  ASSERT_EQ(both[1]->unavailable(), std::nullopt);
  for (const char* dtype : {"f32", "f64"}) {
    Prepared openblas(*both[0], square(65, dtype)), blis(*both[1], square(65, dtype));
    for (int turn = 0; turn < 3; ++turn) {
      EXPECT_EQ(openblas.call().mismatch, std::nullopt) << dtype << " turn " << turn;
      EXPECT_EQ(blis.call().mismatch, std::nullopt) << dtype << " turn " << turn;
    }
  }
}

TEST(CblasLibraries, a_library_answers_its_own_calls_though_another_exports_the_same_name) {
  const auto both =
      make_gemm_cblas({.blas = {test_library("fortran_only"), test_library("calls_itself")}});
  EXPECT_EQ(Prepared(*both[1], square(9)).call().mismatch, std::nullopt);
}

TEST(CblasLibraries, each_tells_its_own_version_kernel_and_file) {
  const auto both = make_gemm_cblas({.blas = {"openblas", "blis"}});
  const Library& openblas = both[0]->info().library.value();
  const Library& blis = both[1]->info().library.value();
  EXPECT_EQ(openblas.name, "OpenBLAS");
  EXPECT_EQ(blis.name, "BLIS");
  EXPECT_THAT(openblas.path, HasSubstr("openblas"));
  EXPECT_THAT(blis.path, HasSubstr("blis"));
  EXPECT_THAT(openblas.path, StartsWith("/"));
  EXPECT_NE(openblas.version, blis.version);
  for (const Library* library : {&openblas, &blis}) {
    EXPECT_THAT(library->version, Not(IsEmpty()));
    EXPECT_THAT(library->kernel, Not(IsEmpty()));
  }
}

TEST(CblasLibraries, a_file_by_its_path_is_the_library_of_the_name) {
  const std::string path = open_one("openblas")->info().library.value().path;
  const auto by_path = open_one(path);
  ASSERT_EQ(by_path->unavailable(), std::nullopt);
  EXPECT_EQ(by_path->info().library.value().path, path);
  EXPECT_THAT(by_path->info().name, StartsWith("libopenblas"));
}

TEST(CblasLibraries, where_none_is_asked_for_the_installed_ones_are_offered) {
  const auto all = make_gemm_cblas({});
  std::vector<std::string> names;
  for (const auto& implementation : all) names.push_back(implementation->info().name);
  EXPECT_THAT(names, testing::IsSupersetOf({"openblas", "blis"}));
}

TEST(CblasLibraries, an_unknown_name_says_why) {
  EXPECT_THAT(why_not("goto"), HasSubstr("no CBLAS library is known as \"goto\""));
}

TEST(CblasLibraries, a_file_that_is_not_there_says_so) {
  EXPECT_EQ(why_not("/nowhere/libblas.so"), "no file /nowhere/libblas.so");
}

TEST(CblasLibraries, a_file_that_is_no_library_says_why) {
  const std::string file = std::string(ERGON_SOURCE_DIR) + "/CMakeLists.txt";
  EXPECT_THAT(why_not(file), HasSubstr("cannot be opened: " + file + ": invalid ELF header"));
}

TEST(CblasLibraries, a_library_without_cblas_says_what_is_missing) {
  EXPECT_THAT(why_not(test_library("fortran_only")),
              HasSubstr("does not export cblas_sgemm or cblas_dgemm, only the Fortran sgemm_"));
}

TEST(CblasLibraries, a_library_with_64_bit_integers_is_refused_not_called) {
  EXPECT_THAT(why_not(test_library("long_integers")), HasSubstr("64 bits (ILP64)"));
}

TEST(CblasLibraries, an_unavailable_library_supports_nothing_and_says_why) {
  EXPECT_THAT(why_not(*open_one("goto"), square(4)), HasSubstr("goto"));
}

TEST(CblasLibraries, a_dtype_that_the_library_does_not_export_is_unsupported) {
  const auto honest = open_one(test_library("honest"));
  EXPECT_THAT(why_not(*honest, square(4, "f32")), IsEmpty());
  EXPECT_THAT(why_not(*honest, square(4, "f64")), IsEmpty());
  EXPECT_THAT(why_not(*honest, square(4, "bf16_f32")), HasSubstr("bf16_f32"));
  EXPECT_THAT(why_not(*honest, square(4, "bf16")), HasSubstr("bf16"));
  EXPECT_THAT(why_not(*honest, square(4, "s8")), HasSubstr("s8"));
}

TEST(CblasLibraries, bf16_inputs_go_through_sbgemm_where_exported) {
  const auto extended = open_one(test_library("extended"));
  EXPECT_EQ(Prepared(*extended, square(33, "bf16_f32")).call().mismatch, std::nullopt);
}

TEST(CblasLibraries, a_number_beyond_32_bits_is_unsupported) {
  const std::int64_t beyond = std::int64_t{1} << 31;
  const auto honest = open_one(test_library("honest"));
  FieldMap fields = square(4);
  fields["lda"] = beyond;
  EXPECT_THAT(why_not(*honest, fields), HasSubstr("lda = 2147483648 does not fit"));
  fields["lda"] = beyond - 1;
  EXPECT_THAT(why_not(*honest, fields), IsEmpty());
}

TEST(CblasLibraries, a_batch_is_one_call_where_the_library_has_one) {
  const std::string file = test_library("extended");
  const auto batches = hook<int (*)()>(file, "ergon_test_batches");
  FieldMap fields = square(9);
  fields["batch"] = std::int64_t{3};
  Prepared gemm(*open_one(file), fields);
  const int before = batches();
  EXPECT_EQ(gemm.call().mismatch, std::nullopt);
  EXPECT_EQ(batches(), before + 1);
  EXPECT_THAT(gemm.plan().detail(), HasSubstr("batch in one call"));
}

TEST(CblasLibraries, a_batch_is_a_loop_where_the_library_has_no_call_for_it) {
  FieldMap fields = square(9);
  fields["batch"] = std::int64_t{3};
  Prepared gemm(*open_one(test_library("honest")), fields);
  EXPECT_EQ(gemm.call().mismatch, std::nullopt);
  EXPECT_THAT(gemm.plan().detail(), HasSubstr("batch as 3 calls"));
}

TEST(CblasLibraries, a_library_whose_threads_cannot_be_set_takes_one_thread_only) {
  const auto honest = open_one(test_library("honest"));
  EXPECT_EQ(honest->max_threads(), 1);
  EXPECT_THROW(Prepared(*honest, square(4), 2), std::runtime_error);
}

TEST(CblasLibraries,
     an_openmp_library_that_is_not_known_to_follow_the_count_takes_one_thread_only) {
  // BLIS's own libblas links OpenMP, hides BLIS's controls and does not follow OpenMP's.
  const std::string blis = open_one("blis")->info().library.value().path;
  const auto bare = open_one(blis.substr(0, blis.rfind('/')) + "/libblas.so.3");
  if (bare->unavailable()) GTEST_SKIP() << *bare->unavailable();
  EXPECT_EQ(bare->max_threads(), 1);
}

void expect_threads_follow_the_plan(const std::string& name, const char* asks) {
  const auto implementation = open_one(name);
  ASSERT_GE(implementation->max_threads(), 2);
  // BLIS answers with 64 bits; the low half of the register holds the count of either.
  const auto threads = hook<int (*)()>(implementation->info().library.value().path, asks);
  Prepared one(*implementation, square(64), 1), two(*implementation, square(64), 2);
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(two.call().mismatch, std::nullopt);
    EXPECT_EQ(threads(), 2);
    EXPECT_EQ(one.call().mismatch, std::nullopt);
    EXPECT_EQ(threads(), 1);
  }
}

TEST(CblasLibraries, a_plan_sets_the_librarys_own_count_of_threads) {
  expect_threads_follow_the_plan("openblas", "openblas_get_num_threads");
  expect_threads_follow_the_plan("blis", "bli_thread_get_num_threads");
}

TEST(CblasLibraries, an_instance_that_is_handed_on_is_treated_alike) {
  const auto openblas = open_one("openblas");
  const Library own = openblas->info().library.value();
  ASSERT_EQ(setenv("ERGON_TEST_BLAS", own.path.c_str(), 1), 0);
  ASSERT_EQ(setenv("ERGON_TEST_SLOWDOWN", "0.03", 1), 0);
  for (const char* name : {"forward", "slow"}) {
    const auto wrapper = open_one(test_library(name));
    const Library library = wrapper->info().library.value();
    EXPECT_EQ(library.version, own.version);
    EXPECT_EQ(library.kernel, own.kernel);
    EXPECT_EQ(library.path, test_library(name));
    EXPECT_EQ(wrapper->max_threads(), openblas->max_threads());
    EXPECT_EQ(Prepared(*wrapper, square(33), 2).call().mismatch, std::nullopt);
  }
}

}  // namespace
}  // namespace ergon
