#include "bench/meters/sysfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include "tests/unit/meters/fake.h"

namespace ergon {
namespace {

using testing::FakeTree;
using ::testing::HasSubstr;

FileText file_with(const std::string& text) { return {"/some/file", text, 0}; }

TEST(SysfsFile, IsReadWithoutItsLineEnd) {
  const FakeTree tree;
  tree.write("name", "package-0");
  EXPECT_EQ(read_file(tree.root() + "/name").text, "package-0");
}

TEST(SysfsFile, ThatIsMissingOrAFolderSaysSo) {
  const FakeTree tree;
  tree.make_unreadable("energy_uj");
  EXPECT_THAT(number_of(read_file(tree.root() + "/energy_uj")).reason(), HasSubstr("directory"));
  EXPECT_THAT(text_of(read_file(tree.root() + "/none")).reason(), HasSubstr("No such file"));
  EXPECT_FALSE(read_file(tree.root() + "/none").denied());
}

TEST(SysfsFile, WithoutPermissionIsDenied) {
  const FakeTree tree;
  tree.write("energy_uj", "1");
  std::filesystem::permissions(tree.at("energy_uj"), std::filesystem::perms::none);
  constexpr uid_t nobody = 65534;
  const auto own = static_cast<uid_t>(setfsuid(nobody));  // root reads everything else
  const FileText file = read_file(tree.root() + "/energy_uj");
  setfsuid(own);
  EXPECT_TRUE(file.denied());
  EXPECT_THAT(file.reason(), HasSubstr("permission denied"));
}

TEST(SysfsNumber, FillsTheWholeFile) {
  EXPECT_EQ(number_of(file_with("262143328850")), Maybe<double>(262143328850.0));
  EXPECT_EQ(number_of(file_with("2.3283064365386962890625e-10")), Maybe<double>(0x1p-32));
  EXPECT_EQ(number_of(file_with("1\xff\n2")).reason(),
            "/some/file holds '1??2', which is not understood");
  for (const char* text : {"", "12 W", "abc", "nan", "inf", "0x10"})
    EXPECT_FALSE(number_of(file_with(text))) << text;
}

TEST(SysfsProcessors, AreSinglesAndRanges) {
  EXPECT_EQ(processors_of(file_with("0,28")), Maybe<std::vector<int>>({0, 28}));
  EXPECT_EQ(processors_of(file_with("0-2,8")), Maybe<std::vector<int>>({0, 1, 2, 8}));
  for (const char* text : {"", "0,", "3-1", "-1", "0-", "0;1", "1-99999999"})
    EXPECT_FALSE(processors_of(file_with(text))) << text;
}

}  // namespace
}  // namespace ergon
