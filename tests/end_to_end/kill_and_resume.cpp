// A killed run keeps every finished window and goes on where it stopped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
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

// Starts a run and kills it once its journal holds what it shall.
void start_and_kill(const program::Folder& folder, const std::function<bool()>& enough) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (chdir(folder.path().c_str()) != 0) _exit(1);
    if (!freopen("out.txt", "w", stdout) || !freopen("err.txt", "w", stderr)) _exit(1);
    execl(ERGON_PROGRAM, "ergon", "run", "./suite.toml", "--out", "result.json", "--overwrite",
          "--watts", "50", static_cast<char*>(nullptr));
    _exit(1);
  }
  for (int i = 0; i < 6000 && !enough(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
}

void start_and_kill(const program::Folder& folder) {
  start_and_kill(folder, [&] { return samples_in_journal(folder / "result.json.journal") >= 60; });
}

// Up to and with the result of the last GEMM row of `dtype`; empty where there is none yet.
std::string up_to_results_of(const std::string& dtype, const program::fs::path& path) {
  std::istringstream text(program::read(path));
  std::set<int> numbers;
  std::string so_far, out;
  for (std::string line; std::getline(text, line) && !text.eof();) {
    so_far += line + "\n";
    const json fact = json::parse(line);
    if (!fact.contains("row")) continue;
    const int number = fact["row"].get<int>();
    if (fact.contains("start") && fact["start"]["kernel"] == "gemm" &&
        fact["start"]["dtype"]["weights"] == dtype)
      numbers.insert(number);
    if (fact.contains("result") && numbers.count(number)) out = so_far;
  }
  return out;
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

  const auto resumed = program::ergon(folder, "run suite.toml --watts=50 --resume=result.json");
  ASSERT_TRUE(program::ran(resumed)) << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("check     " ERGON_PROGRAM " verify result.json\n"));
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

// Two blocks; the run is cut behind the results of one dtype's.
void resume_behind(const std::string& dtype) {
  program::Folder folder;
  program::write(folder / "suite.toml", R"(name = "two"
seed = 7
[budget]
seconds = 3
[[gemm]]
m = 48
n = 48
k = 32
dtype = ["f64", "f32"]
backend = ["naive"]
threads = [1]
cache = ["warm"]
)");
  const auto journal = folder / "result.json.journal";
  std::string kept;
  start_and_kill(folder, [&] { return !(kept = up_to_results_of(dtype, journal)).empty(); });
  ASSERT_FALSE(kept.empty()) << program::read(folder / "err.txt");
  ASSERT_TRUE(program::fs::exists(journal)) << "it ended before it was killed";
  program::write(journal, kept);

  const auto resumed = program::ergon(folder, "run suite.toml --resume result.json --watts 50");
  ASSERT_TRUE(program::ran(resumed)) << resumed.err;
  const auto verified = program::ergon(folder, "verify result.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  const json record = json::parse(program::read(folder / "result.json"));
  std::set<std::string> limits;
  for (const json& ceiling : record["devices"][0]["ceilings"])
    if (ceiling["value_per_second"].is_number()) limits.insert(ceiling["dtype"]);
  EXPECT_EQ(limits, (std::set<std::string>{"f32", "f64"}));
  for (const json& row : record["rows"]) EXPECT_NE(row["status"], "failed") << row["reason"];
}

TEST(Resume, KeepsTheCeilingsOfABlockThatIsDone) { resume_behind("f64"); }

TEST(Resume, KeepsTheCeilingsWhenAllBlocksAreDone) { resume_behind("f32"); }

TEST(Resume, ATornLastLineIsDroppedAndSaid) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  const std::string text = program::read(folder / "result.json.journal");
  program::write(folder / "result.json.journal", text + "{\"half\": ");
  EXPECT_EQ(program::ergon(folder, "report result.json.journal").exit_code, 0);
  EXPECT_TRUE(
      program::ran(program::ergon(folder, "run suite.toml --resume result.json --watts 50")));
}

TEST(Resume, AnotherSettingIsRefused) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  for (const char* other : {"--watts 60", "--watts 50 --cache warm", "--watts 50 --filter m=48",
                            "--watts 50 --isa portable"}) {
    const auto result =
        program::ergon(folder, std::string("run suite.toml --resume result.json ") + other);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("begun with other options"));
  }
}

TEST(Resume, AnotherSuiteIsRefused) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  start_and_kill(folder);
  program::write(folder / "suite.toml", std::string(program::small_suite) + "# changed\n");
  const auto result = program::ergon(folder, "run suite.toml --resume result.json --watts 50");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("suite"));
  EXPECT_TRUE(program::fs::exists(folder / "result.json.journal"));
}

}  // namespace
