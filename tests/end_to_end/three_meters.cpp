// Three meters of one machine, which a process plays by how busy the processors are: RAPL's
// counter, the node's watts integrated, and a plug at the wall. How they stand to each other is
// known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/end_to_end/program.h"
#include "tests/machine/shared.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* suite = R"(name = "three"
seed = 7
[budget]
seconds = 40
[[gemm]]
m = 48
n = 48
k = 32
dtype = "f32"
backend = "naive"
threads = 1
cache = "warm"
)";

constexpr const char* meters =
    "--meter powercap,hwmon:power_meter-0 --meter "
    "'command:scope=wall unit=W every=0.1 average=0.1 timeout=300 cat sys/wall'";

/// Until the end of its scope.
class Player {
 public:
  explicit Player(const std::string& sysfs) {
    program::fs::create_directories(sysfs);
    process_ = fork();
    if (process_ == 0) {
      execl(ERGON_MACHINE_WRITER, ERGON_MACHINE_WRITER, sysfs.c_str(), nullptr);
      _exit(127);
    }
    while (!program::fs::exists(sysfs + "/wall"))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ~Player() {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

 private:
  pid_t process_ = -1;
};

/// This process, or the one that plays, did not get the processor often enough.
bool is_busy(const std::string& reason) {
  for (const char* words :
       {"stands still", "apart", "too sparse", "repeats one value", "it is not as it was found",
        "does not follow the load", "did not answer"})
    if (reason.find(words) != std::string::npos) return true;
  return false;
}

double number(const json& sample, const char* name) { return sample[name].get<double>(); }

TEST(ThreeMeters, OfOneRunStandSideBySideAsTheMachineDraws) {
  const program::Folder folder;
  const Player player((folder / "sys").string());
  program::write(folder / "suite.toml", suite);
  program::Result run;
  for (int i = 0; i < 5 && (i == 0 || run.exit_code == 2); ++i)  // its files may come too late
    run = program::ergon(folder, std::string("run suite.toml --out run.json ") + meters,
                         "ERGON_SYSFS=sys");
  if (run.exit_code == 2 && is_busy(run.err))
    GTEST_SKIP() << "this machine is too busy: " << run.err;
  ASSERT_TRUE(program::ran(run)) << run.err;
  const json record = json::parse(program::read(folder / "run.json"));
  json row;
  for (const json& one : record["rows"])
    if (one["kernel"] == "gemm") row = one;
  ASSERT_EQ(row["energy"]["meter"], "powercap") << row["energy"];
  ASSERT_EQ(row["extra_meters"].size(), 2U) << row["extra_meters"];
  const json& node = row["extra_meters"][0];
  const json& wall = row["extra_meters"][1];
  EXPECT_EQ(node["meter"], "hwmon:power_meter-0");
  EXPECT_EQ(wall["meter"], "command:cat");
  const std::size_t windows = row["energy"]["samples"].size();
  ASSERT_EQ(node["samples"].size(), windows);
  ASSERT_EQ(wall["samples"].size(), windows);
  int both = 0;
  std::string busy;
  for (std::size_t i = 0; i < windows; ++i) {
    const json& at_node = node["samples"][i];
    const json& at_wall = wall["samples"][i];
    const json& inside = row["energy"]["samples"][i];
    if (at_node["joules"].is_number() && inside["joules"].is_number()) {
      const double fans = machine::fans_watts * number(at_node, "seconds");
      EXPECT_NEAR(number(at_node, "joules") - fans, number(inside, "joules"),
                  2 * (number(at_node, "error_joules") + number(inside, "error_joules")));
    }
    for (const json* sample : {&at_node, &at_wall, &inside}) {
      const json& joules = (*sample)["joules"];
      if (joules.is_number()) continue;
      busy = joules["absent"].get<std::string>();
      EXPECT_TRUE(is_busy(busy)) << busy;
    }
    if (!at_node["joules"].is_number() || !at_wall["joules"].is_number()) continue;
    ++both;
    EXPECT_NEAR(number(at_wall, "joules") * machine::supply_efficiency, number(at_node, "joules"),
                2 * (number(at_wall, "error_joules") + number(at_node, "error_joules")));
  }
  if (both == 0) GTEST_SKIP() << "this machine is too busy: " << busy;
  const auto report = program::ergon(folder, "report run.json");
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("command:cat, of the machine, tells 1."));
  EXPECT_THAT(report.out, HasSubstr("ERGON_SYSFS=sys: sensors and facts of the machine"));
}

}  // namespace
