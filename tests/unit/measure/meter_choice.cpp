#include "bench/measure/meter_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/base/error.h"

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
