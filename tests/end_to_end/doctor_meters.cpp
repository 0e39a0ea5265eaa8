// `ergon doctor --meters` as a user calls it, on a machine that a process plays: its load goes on
// and off when the program says that its own does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"
#include "tests/machine/running.h"

namespace {

using nlohmann::json;
using program::Folder;
using ::testing::HasSubstr;

json characterised(const Folder& folder, machine::Running& machine) {
  const std::string command = "cd '" + folder.path().string() +
                              "' && ERGON_STATE=meters.json ERGON_SYSFS='" + machine.sysfs() +
                              "' '" ERGON_PROGRAM "' doctor --meters --json 2>&1 >out.json";
  std::FILE* says = popen(command.c_str(), "r");  // NOLINT(cert-env33-c)
  std::array<char, 1000> line{};
  while (std::fgets(line.data(), line.size(), says) != nullptr) {
    const std::string text = line.data();
    if (text.find("load on") != std::string::npos) machine.set(true);
    if (text.find("load off") != std::string::npos) machine.set(false);
  }
  EXPECT_EQ(pclose(says), 0);
  return json::parse(program::read(folder / "out.json"));
}

json meter_of(const json& list, const std::string& id) {
  for (const json& entry : list)
    if (entry["meter"] == id) return entry;
  ADD_FAILURE() << "no " << id << " in " << list;
  return {};
}

TEST(DoctorMeters, FindsOutWhatACounterIsAndKeepsItWithItsDate) {
  const Folder folder;
  machine::Running machine(ERGON_MACHINE_WRITER, true);
  std::string faults;
  json found;
  for (int i = 0; i < 5; ++i) {
    found = meter_of(characterised(folder, machine)["meters"], "powercap");
    if (found.contains("characterised")) break;
    // Its files came too late for a counter.
    const char* why = found.contains("fault") ? "fault" : "absent";
    ASSERT_TRUE(found.contains(why)) << found;
    faults += found[why].get<std::string>() + "; ";
    // Another meter of the machine may have held.
    if (const auto kept = folder / "meters.json"; program::fs::exists(kept)) {
      EXPECT_EQ(program::read(kept).find("\"powercap\""), std::string::npos)
          << "what is broken is not kept";
    }
  }
  if (!found.contains("characterised")) GTEST_SKIP() << "this machine is too busy: " << faults;
  EXPECT_GT(found["quantum_joules"], 0);
  EXPECT_GT(found["period_seconds"], 0);
  EXPECT_GT(found["gain_watts"], 0);
  EXPECT_GT(found["busy_watts"]["value"], found["idle_watts"]["value"]);
  EXPECT_NEAR(found["wrap_joules"].get<double>(), machine::range_joules, 1e-3);
  EXPECT_GT(found["seconds_to_wrap"], 0);
  EXPECT_TRUE(found["shortest_window_seconds"].is_number());
  const auto later =
      program::ergon(folder, "doctor --json", "ERGON_SYSFS='" + machine.sysfs() + "'");
  EXPECT_EQ(later.exit_code, 0) << later.err;
  const json meters = json::parse(later.out)["energy"];
  EXPECT_EQ(meter_of(meters, "powercap")["characterised"], found["characterised"]);
}

TEST(DoctorMeters, SaysOfArithmeticThatItIsNoSensor) {
  const Folder folder;
  const auto result = program::ergon(folder, "doctor --meters --watts 90");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("declared: arithmetic, not a sensor"));
}

TEST(DoctorMeters, TakesThoseThatAreNamedAndCommandsToo) {
  const Folder folder;
  const auto result = program::ergon(
      folder,
      "doctor --meters --json --meter 'command:part=accelerator every=0.1 timeout=300 echo 5 W'");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json meters = json::parse(result.out)["meters"];
  ASSERT_EQ(meters.size(), 1U) << meters;
  EXPECT_EQ(meters[0]["meter"], "command:echo");
  const auto broken = program::ergon(folder, "doctor --meters --meter 'command:timeout=300 false'");
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.err, HasSubstr("false ended with exit status 1"));
}

TEST(DoctorMeters, NamesAStateFileThatIsNotUnderstoodAndLeavesIt) {
  const Folder folder;
  program::write(folder / "meters.json", "{\n  \"schema\": 1\n}\n");
  for (const char* arguments : {"doctor", "doctor --meters"}) {
    const auto result = program::ergon(folder, arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("meters.json:2: /schema"));
    EXPECT_THAT(result.err, HasSubstr("delete it to start anew"));
    EXPECT_EQ(program::lines(result.err), 1) << result.err;
  }
  EXPECT_EQ(program::read(folder / "meters.json"), "{\n  \"schema\": 1\n}\n");
}

TEST(DoctorMeters, TestsItselfWithSensorsWhoseTruthIsKnown) {
  const Folder folder;
  const auto result = program::ergon(folder, "doctor --meters --selftest --json");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json all = json::parse(result.out);
  EXPECT_EQ(all["wrong"], false);
  EXPECT_GT(all["cells"].size(), 100U);
}

}  // namespace
