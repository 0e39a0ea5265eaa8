#include "kernels/gemm/cblas_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ergon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names_of(const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const CblasChoice& choice : cblas_choices(wanted)) names.push_back(choice.name);
  return names;
}

TEST(CblasNames, a_name_of_the_table_stands_for_its_sonames) {
  const CblasChoice choice = cblas_choices(std::vector<std::string>{"openblas"}).at(0);
  EXPECT_EQ(choice.name, "openblas");
  EXPECT_THAT(choice.files, Contains("libopenblas.so.0"));
  EXPECT_THAT(choice.unknown, IsEmpty());
}

TEST(CblasNames, a_path_is_tried_as_it_is_and_called_by_its_stem) {
  const std::vector<std::string> wanted = {"/opt/libfoo.so", "/opt/libbar.so.0", "./libbaz.so.1.2",
                                           "lib/libopenblasp-r0.3.21.so", "/opt/plain"};
  EXPECT_THAT(names_of(wanted),
              ElementsAre("libfoo", "libbar", "libbaz", "libopenblasp-r0.3.21", "plain"));
  EXPECT_THAT(cblas_choices(wanted).at(1).files, ElementsAre("/opt/libbar.so.0"));
}

TEST(CblasNames, libraries_of_one_stem_are_told_apart_by_as_much_directory_as_it_takes) {
  EXPECT_THAT(names_of({"/a/old/libfoo.so", "/a/new/libfoo.so", "/b/new/libfoo.so.1"}),
              ElementsAre("libfoo", "libfoo@new", "libfoo@b/new"));
}

TEST(CblasNames, the_same_library_twice_has_two_names) {
  EXPECT_THAT(names_of({"blis", "blis", "/a/libfoo.so", "/a/libfoo.so", "/a/libfoo.so"}),
              ElementsAre("blis", "blis#2", "libfoo", "libfoo#2", "libfoo#3"));
}

TEST(CblasNames, an_unknown_name_says_which_are_known_and_how_to_give_a_file) {
  const CblasChoice choice = cblas_choices(std::vector<std::string>{"libfoo.so"}).at(0);
  EXPECT_THAT(choice.files, IsEmpty());
  EXPECT_THAT(choice.unknown, HasSubstr("\"libfoo.so\""));
  EXPECT_THAT(choice.unknown, HasSubstr("openblas, blis"));
  EXPECT_THAT(choice.unknown, HasSubstr("./libfoo.so"));
}

TEST(CblasNames, an_empty_name_is_refused) {
  // dlopen would take it for the program itself.
  const CblasChoice choice = cblas_choices(std::vector<std::string>{""}).at(0);
  EXPECT_THAT(choice.files, IsEmpty());
  EXPECT_EQ(choice.unknown, "no name or path given");
}

}  // namespace
}  // namespace ergon
