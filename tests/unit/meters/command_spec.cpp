#include "bench/meters/command_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/meters/log_to_come.h"
#include "bench/meters/words.h"

namespace ergon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Words, AreSplitAsAShellSplitsThem) {
  EXPECT_THAT(*split_words("  a  b\tc\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*split_words(R"(a"b c"d '' 'x "y"')"), ElementsAre("ab cd", "", "x \"y\""));
  EXPECT_THAT(*split_words(R"(a\ b "\"\\\n" '\')"), ElementsAre("a b", "\"\\\\n", "\\"));
  EXPECT_THAT(*split_words(""), ElementsAre());
}

TEST(Words, AreNotExpanded) {
  EXPECT_THAT(*split_words("$HOME `id` *;~ >x"), ElementsAre("$HOME", "`id`", "*;~", ">x"));
}

TEST(Words, RefuseWhatDoesNotEnd) {
  EXPECT_THAT(split_words("a 'b").reason(), HasSubstr("not closed"));
  EXPECT_THAT(split_words("a \"b\\\"").reason(), HasSubstr("not closed"));
  EXPECT_THAT(split_words("a\\").reason(), HasSubstr("backslash"));
  EXPECT_FALSE(split_words(std::string_view("a\0b", 3)));
}

TEST(CommandSpec, TakesKeysInFrontOfTheProgram) {
  const auto spec = parse_command_spec(
      "scope=node every=1 uncertainty=0.02 average=0.5 timeout=3 ipmitool dcmi power reading");
  ASSERT_TRUE(spec) << spec.reason();
  EXPECT_THAT(spec->program, ElementsAre("ipmitool", "dcmi", "power", "reading"));
  EXPECT_EQ(spec->scope, Scope::node);
  EXPECT_EQ(spec->part, Part::machine);
  EXPECT_EQ(spec->every_seconds, 1.0);
  EXPECT_EQ(spec->relative_uncertainty, 0.02);
  EXPECT_EQ(spec->averaging_seconds, 0.5);
  EXPECT_EQ(spec->timeout_seconds, 3);
  EXPECT_EQ(spec->mode, CommandSpec::Mode::call);
}

TEST(CommandSpec, LeavesTheProgramsOwnArgumentsAlone) {
  const auto spec = parse_command_spec("mode=stream unit=W my-plug --watch every=7");
  ASSERT_TRUE(spec) << spec.reason();
  EXPECT_THAT(spec->program, ElementsAre("my-plug", "--watch", "every=7"));
  EXPECT_EQ(spec->mode, CommandSpec::Mode::stream);
  EXPECT_EQ(spec->unit->name, "W");
  EXPECT_FALSE(spec->every_seconds);
}

TEST(CommandSpec, TakesAPatternWithBlanksAndQuotes) {
  const auto spec =
      parse_command_spec(R"('match="a power": *([0-9.]+)' unit=W curl -s "http://x/a b")");
  ASSERT_TRUE(spec) << spec.reason();
  EXPECT_EQ(spec->pattern->find("{\"a power\": 12.3}")->group, "12.3");
  EXPECT_THAT(spec->program, ElementsAre("curl", "-s", "http://x/a b"));
}

TEST(CommandSpec, TakesThePartFromTheScopeUnlessItIsSaid) {
  EXPECT_EQ(parse_command_spec("scope=package p")->part, Part::processor);
  EXPECT_EQ(parse_command_spec("scope=board p")->part, Part::accelerator);
  EXPECT_EQ(parse_command_spec("p")->part, Part::machine);
  EXPECT_EQ(parse_command_spec("part=accelerator scope=wall p")->part, Part::accelerator);
}

TEST(CommandSpec, TakesUncertaintyAsAShareOrInPercent) {
  EXPECT_EQ(parse_command_spec("uncertainty=0.05 p")->relative_uncertainty, 0.05);
  EXPECT_EQ(parse_command_spec("uncertainty=5% p")->relative_uncertainty, 0.05);
  for (const char* text : {"uncertainty=5 p", "uncertainty=101% p", "uncertainty=% p"})
    EXPECT_FALSE(parse_command_spec(text)) << text;
}

TEST(CommandSpec, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "names no program"},
      {"scope=node", "names no program"},
      {"'' x", "names no program"},
      {"scope=rack p", "scope=rack is none of"},
      {"unit=BTU p", "unit=BTU is none of"},
      {"mode=twice p", "neither call nor stream"},
      {"part=fan p", "part=fan"},
      {"every=0 p", "every=0 is no number from 0.001 to 3600"},
      {"every=nan p", "every=nan"},
      {"every=1s p", "every=1s"},
      {"uncertainty=-1 p", "uncertainty=-1"},
      {"match=abc p", "no group"},
      {"speed=1 p", "no key is called 'speed'"},
      {"every=1 every=2 p", "given twice"},
      {"every=1 'p", "not closed"}};
  for (const auto& [text, reason] : cases)
    EXPECT_THAT(parse_command_spec(text).reason(), HasSubstr(reason)) << text;
}

TEST(CommandSpec, NamesMetersAfterTheirPrograms) {
  EXPECT_THAT(command_ids({"scope=node ipmitool x", "/opt/bin/my-plug", "ipmitool y", "'"}),
              ElementsAre("command:ipmitool", "command:my-plug", "command:ipmitool#2", "command"));
}

TEST(LogToCome, TakesItsPeriodAndScope) {
  EXPECT_EQ(parse_log_to_come("")->period_seconds, 1);
  const auto log = parse_log_to_come("period=0.1 scope=node");
  ASSERT_TRUE(log) << log.reason();
  EXPECT_EQ(log->period_seconds, 0.1);
  EXPECT_EQ(log->scope, Scope::node);
  for (const char* text : {"period=0", "period=x", "scope=rack", "speed=1", "'"})
    EXPECT_FALSE(parse_log_to_come(text)) << text;
}

}  // namespace
}  // namespace ergon
