// A killed run keeps every finished window and goes on where it stopped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::size_t samples_in_journal(const program::fs::path& path) {
  std::ifstream file(path);
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);)
    count += line.find("\"time\":") != std::string::npos;
  return count;
}

// Starts a run and kills it once its journal holds some windows.
void start_and_kill(const program::Folder& folder) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (chdir(folder.path().c_str()) != 0) _exit(1);
    if (!freopen("out.txt", "w", stdout) || !freopen("err.txt", "w", stderr)) _exit(1);
    execl(ERGON_PROGRAM, "ergon", "run", "suite.toml", "--out", "result.json",
          static_cast<char*>(nullptr));
    _exit(1);
  }
  for (int i = 0; i < 3000 && samples_in_journal(folder / "result.json.journal") < 60; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
}

TEST(Kill, LosesAtMostTheWindowInFlightAndResumeGoesOn) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  const std::size_t kept = samples_in_journal(folder / "result.json.journal");
  ASSERT_GE(kept, 60U) << program::read(folder / "err.txt");
  EXPECT_FALSE(program::fs::exists(folder / "result.json"));

  const auto report = program::ergon(folder, "report result.json.journal");
  EXPECT_EQ(report.exit_code, 0) << report.err;

  const auto resumed = program::ergon(folder, "run suite.toml --resume result.json");
  ASSERT_TRUE(program::ran(resumed)) << resumed.err;
  const json record = json::parse(program::read(folder / "result.json"));
  EXPECT_TRUE(record["run"]["complete"].get<bool>());
  std::size_t first_launch = 0;
  for (const json& row : record["rows"])
    for (const json& sample : row["time"].value("samples", json::array()))
      first_launch += sample["launch"] == 0;
  EXPECT_GE(first_launch + 1, kept);
  const auto verified = program::ergon(folder, "verify result.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST(Resume, ATornLastLineIsDroppedAndSaid) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  const std::string text = program::read(folder / "result.json.journal");
  program::write(folder / "result.json.journal", text + "{\"half\": ");
  EXPECT_EQ(program::ergon(folder, "report result.json.journal").exit_code, 0);
  EXPECT_TRUE(program::ran(program::ergon(folder, "run suite.toml --resume result.json")));
}

TEST(Resume, AnotherSuiteIsRefused) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  program::write(folder / "suite.toml", std::string(program::small_suite) + "# changed\n");
  const auto result = program::ergon(folder, "run suite.toml --resume result.json");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("suite"));
  EXPECT_TRUE(program::fs::exists(folder / "result.json.journal"));
}

}  // namespace
