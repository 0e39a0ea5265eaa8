// Runs of several processes: each launch measures every case anew, and an interrupted run goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const char* const suite = R"(name = "launches"
[budget]
seconds = 6
[[gemm]]
m = [40, 64]
n = 36
k = 24
dtype = ["f32"]
backend = ["naive"]
threads = [1]
cache = ["warm"]
)";

std::set<int> launches_of(const json& row) {
  std::set<int> launches;
  for (const json& sample : row["time"]["samples"]) launches.insert(sample["launch"].get<int>());
  return launches;
}

/// Starts six launches and kills them all once the journal holds a window of launch `until`.
void start_and_kill(const program::Folder& folder, int until) {
  program::write(folder / "suite.toml", suite);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (chdir(folder.path().c_str()) != 0) _exit(1);
    if (!freopen("out.txt", "w", stdout) || !freopen("err.txt", "w", stderr)) _exit(1);
    execl(ERGON_PROGRAM, "ergon", "run", "suite.toml", "--launches", "6", "--out", "result.json",
          static_cast<char*>(nullptr));
    _exit(1);
  }
  const std::string wanted = "\"launch\":" + std::to_string(until);
  for (int i = 0; i < 6000; ++i) {
    if (program::read(folder / "result.json.journal").find(wanted) != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
}

TEST(Launches, EachMeasuresEveryCaseAndTheIntervalSpansThem) {
  program::Folder folder;
  program::write(folder / "suite.toml", suite);
  const auto run = program::ergon(folder, "run suite.toml --launches 6 --out result.json");
  ASSERT_TRUE(program::ran(run)) << run.err;
  const json record = json::parse(program::read(folder / "result.json"));
  for (const json& row : record["rows"]) {
    EXPECT_EQ(launches_of(row), (std::set<int>{0, 1, 2, 3, 4, 5})) << row["case"];
    EXPECT_EQ(row["time"]["interval_kind"], "launches");
  }
  const auto verified = program::ergon(folder, "verify result.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(Launches, AnInterruptedRunGoesOnToTheNumberThatWasAskedFor) {
  program::Folder folder;
  start_and_kill(folder, 2);
  const auto resumed = program::ergon(folder, "run suite.toml --launches 6 --resume result.json");
  ASSERT_TRUE(program::ran(resumed)) << resumed.err;
  const json record = json::parse(program::read(folder / "result.json"));
  for (const json& row : record["rows"]) {
    // The launch that was cut off, the third, may or may not have come to this row.
    EXPECT_GE(launches_of(row).size(), 6U) << row["case"];
    EXPECT_LE(launches_of(row).size(), 7U) << row["case"];
  }
  const auto verified = program::ergon(folder, "verify result.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(Resume, OtherVariablesThatMoveALibraryAreRefused) {
  program::Folder folder;
  start_and_kill(folder, 0);
  const auto result = program::ergon(folder, "run suite.toml --launches 6 --resume result.json",
                                     "OMP_STACKSIZE=17M");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("it cannot go on"));
}

}  // namespace
