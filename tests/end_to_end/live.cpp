// Two sides alternated inside rounds: two libraries, and two builds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const suite = R"(name = "one"
[budget]
seconds = 3
[[gemm]]
m = [40, 64]
n = 36
k = 24
dtype = ["f32"]
backend = ["naive", "cblas:openblas"]
threads = [1]
cache = ["warm"]
)";

program::Result compare(const program::Folder& folder, const std::string& arguments,
                        const std::string& environment = "") {
  program::write(folder / "suite.toml", suite);
  return program::ergon(folder, "compare --live --suite suite.toml --budget 3 " + arguments,
                        environment);
}

const std::string libraries = ERGON_TEST_BLAS_DIR "/libergon_test_blas_";

/// One comparison of a library with one that makes every call ten times as long: no machine is so
/// busy that this could be missed.
json slowed(program::Folder& folder) {
  const auto result =
      compare(folder, libraries + "forward.so " + libraries + "slow.so --json --out record.json",
              "ERGON_TEST_BLAS=libopenblas.so.0 ERGON_TEST_SLOWDOWN=9");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  return json::parse(result.out);
}

TEST(LiveLibraries, TheSlowedOneIsFoundSlowerInSharedRounds) {
  program::Folder folder;
  const json comparison = slowed(folder);
  ASSERT_EQ(comparison["rows"].size(), 2U);
  for (const json& row : comparison["rows"]) {
    EXPECT_EQ(row["seconds"]["verdict"], "slower");
    EXPECT_GT(row["seconds"]["ratio_low"].get<double>(), 5);
    EXPECT_THAT(row["seconds"]["how"].get<std::string>(), HasSubstr("paired in"));
  }
}

TEST(LiveLibraries, TheRecordThatIsKeptIsConsistent) {
  program::Folder folder;
  slowed(folder);
  const auto verified = program::ergon(folder, "verify record.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(LiveBuilds, AlternateInsideRoundsAndShareWhatIsCompared) {
  program::Folder folder;
  const auto result = compare(folder, ERGON_PROGRAM " " ERGON_PROGRAM " --json --out record.json");
  // One build against itself: a busy machine may still make any verdict of it.
  ASSERT_TRUE(result.exit_code == 0 || result.exit_code == 1 || result.exit_code == 3)
      << result.err;
  const json comparison = json::parse(result.out);
  ASSERT_EQ(comparison["rows"].size(), 4U);
  for (const json& row : comparison["rows"])
    EXPECT_THAT(row["seconds"]["how"].get<std::string>(), HasSubstr("paired in"));
  const auto verified = program::ergon(folder, "verify record.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(LiveBuilds, AProgramThatIsNoErgonIsOneClearLine) {
  program::Folder folder;
  const auto result = compare(folder, ERGON_PROGRAM " /bin/true");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("error: /bin/true ended before its part was done"));
  EXPECT_THAT(result.err, Not(HasSubstr("leader")));
}

TEST(Live, AProgramAgainstALibraryIsRefused) {
  program::Folder folder;
  const auto result = compare(folder, ERGON_PROGRAM " libopenblas.so.0");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
}

}  // namespace
