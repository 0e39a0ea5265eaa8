#include "bench/measure/meter_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "bench/base/error.h"
#include "bench/meters/command_spec.h"

namespace ergon::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::vector<std::string>& values) {
  try {
    choose_meters(values);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MeterChoice, SplitsListsAndKeepsTheirOrder) {
  const MeterChoice choice = choose_meters({"perf,nvml", "powercap"});
  EXPECT_THAT(choice.wanted, ElementsAre("perf", "nvml", "powercap"));
  EXPECT_THAT(choice.commands, IsEmpty());
  EXPECT_FALSE(choice.log);
}

TEST(MeterChoice, LetsACommandTakeTheRestOfItsValue) {
  const MeterChoice choice =
      choose_meters({"perf,command:every=1 tool a,b", "command:tool c", "log:period=0.5"});
  EXPECT_THAT(choice.wanted, ElementsAre("perf", "command:tool", "command:tool#2", "log"));
  EXPECT_THAT(choice.commands, ElementsAre("every=1 tool a,b", "tool c"));
  EXPECT_EQ(choice.log, "period=0.5");
}

TEST(MeterChoice, ALogMayStandAlone) {
  EXPECT_EQ(choose_meters({"log"}).log, "");
  EXPECT_THAT(choose_meters({"log:scope=node,perf"}).wanted, ElementsAre("log", "perf"));
}

/// The recipes of docs/meters.md, each with the sample of what its program prints.
TEST(MeterChoice, TakesTheRecipesOfTheDocumentation) {
  std::ifstream file(std::string(ERGON_SOURCE_DIR) + "/docs/meters.md");
  const std::pair<const char*, const char*> samples[] = {
      {"ipmitool", "ipmitool-dcmi.txt"},      {"/Power", "redfish-power.json"},
      {"/Sensors", "redfish-sensor.json"},    {"Switch.GetStatus", "shelly-gen2-switch.json"},
      {"Status%208", "tasmota-status8.json"}, {"--json", "amd-smi-power.json"},
      {"amd-smi", "amd-smi-power.txt"}};
  constexpr std::string_view begin = "--meter '";
  int recipes = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(begin) || line.find("[KEY=VALUE") != std::string::npos) continue;
    const std::string value = line.substr(begin.size(), line.rfind('\'') - begin.size());
    const MeterChoice choice = choose_meters({value});
    ASSERT_EQ(choice.commands.size(), 1U) << line;
    const auto spec = parse_command_spec(choice.commands[0]);
    ASSERT_TRUE(spec) << line;
    for (const auto& [word, sample] : samples) {
      if (value.find(word) == std::string::npos) continue;
      std::ifstream printed(std::string(ERGON_SOURCE_DIR) + "/tests/data/printed/" + sample);
      const std::string text{std::istreambuf_iterator<char>(printed), {}};
      const auto found = find_printed(text, spec->pattern_or_none(), spec->unit);
      EXPECT_TRUE(found) << line << ": " << found.reason();
      ++recipes;
      break;
    }
  }
  EXPECT_EQ(recipes, 9);
}

TEST(MeterChoice, SaysWhatIsWrong) {
  EXPECT_THAT(refusal({}), HasSubstr("names no meter"));
  EXPECT_THAT(refusal({""}), HasSubstr("names no meter"));
  EXPECT_THAT(refusal({"perf,"}), HasSubstr("names no meter"));
  EXPECT_THAT(refusal({"perf,perf"}), HasSubstr("'perf' twice"));
  EXPECT_THAT(refusal({"auto,perf"}), HasSubstr("'auto' cannot stand beside"));
  EXPECT_THAT(refusal({"command:"}), HasSubstr("names no program"));
  EXPECT_THAT(refusal({"command:every=0 x"}), HasSubstr("every=0"));
  EXPECT_THAT(refusal({"log:period=x"}), HasSubstr("period=x"));
  EXPECT_THAT(refusal({"log", "log:period=2"}), HasSubstr("'log' twice"));
}

}  // namespace
}  // namespace ergon::measure
