// Two sides alternated inside rounds: two libraries, and two builds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

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

TEST(LiveBuilds, TheRecordAndTheComparisonNameBoth) {
  program::Folder folder;
  program::fs::copy_file(ERGON_PROGRAM, folder / "other");
  const auto result = compare(folder, ERGON_PROGRAM " ./other --out record.json");
  EXPECT_THAT(result.out, HasSubstr("base  " ERGON_PROGRAM " ("));
  EXPECT_THAT(result.out, HasSubstr("new   ./other ("));
  EXPECT_THAT(result.err, HasSubstr("at most 0:03 left"));
  EXPECT_THAT(result.err, Not(HasSubstr("4:00")));
  const json run = json::parse(program::read(folder / "record.json"))["run"];
  EXPECT_EQ(run["command"][0], ERGON_PROGRAM);
  EXPECT_EQ(run["other_build"]["command"][0], "./other");
  EXPECT_EQ(run["other_build"]["ergon"], run["ergon"]);
  EXPECT_EQ(run["other_build"]["label"], "new");
  EXPECT_FALSE(run["other_build"]["libraries"].empty());
  EXPECT_THAT(program::ergon(folder, "report record.json").out, HasSubstr("@new: ergon"));
}

TEST(LiveBuilds, BothTakeTheInstructionSet) {
  program::Folder folder;
  program::write(folder / "native.toml", R"(name = "native"
[[gemm]]
m = 40
n = 36
k = 24
dtype = "f32"
backend = "native"
threads = [1]
cache = "warm"
)");
  program::ergon(folder,
                 "compare --live --suite native.toml --budget 1 --isa portable " ERGON_PROGRAM
                 " " ERGON_PROGRAM " --out record.json");
  const json record = json::parse(program::read(folder / "record.json"));
  ASSERT_FALSE(record["rows"].empty());
  for (const json& row : record["rows"])
    EXPECT_THAT(row["implementation"]["detail"].get<std::string>(),
                ::testing::StartsWith("portable"));
  EXPECT_THAT(record["run"]["other_build"]["command"].dump(), HasSubstr("--isa=portable"));
}

/// Follows as a build would, with restless times, and writes down what it is told.
const char* const follower = R"sh(#!/bin/sh
printf 'block\t0\t1\tonly\n'
n=0
case $0 in *b) n=7 ;; esac
while read -r word rest; do
  echo "$word" >> "$0.log"
  case $word in
    sample) n=$(((n * 5 + 3) % 16)); echo "0.$((n + 1))" ;;
    check) echo checked ;;
    place) echo placed ;;
    end) break ;;
  esac
done
echo done
)sh";

TEST(LiveBuilds, GetNewBuffersEveryEightRounds) {
  program::Folder folder;
  for (const char* name : {"a", "b"}) {
    program::write(folder / name, follower);
    program::fs::permissions(folder / name, program::fs::perms::owner_all);
  }
  compare(folder, "./a ./b");
  for (const char* name : {"a.log", "b.log"}) {
    std::istringstream log(program::read(folder / name));
    int rounds = 0, placed = 0;
    for (std::string word; log >> word;) {
      if (word == "sample") ++rounds;
      if (word != "place") continue;
      EXPECT_EQ(rounds, 8);
      rounds = 0;
      ++placed;
    }
    EXPECT_GE(placed, 2) << name;
  }
}

TEST(Live, AnExistingRecordIsRefusedBeforeAnythingIsMeasured) {
  program::Folder folder;
  program::write(folder / "record.json", "mine");
  for (const char* sides : {ERGON_PROGRAM " " ERGON_PROGRAM, "openblas openblas"}) {
    const auto result = compare(folder, std::string(sides) + " --out record.json");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err, "error: record.json: exists; name another file\n");
    EXPECT_EQ(program::read(folder / "record.json"), "mine");
  }
  EXPECT_EQ(compare(folder, ERGON_PROGRAM " " ERGON_PROGRAM " --out no/such.json").exit_code, 2);
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
