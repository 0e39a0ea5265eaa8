// The file that keeps what characterising found: whole, strict, and never lost to a mistake in it.
#include "bench/record/meter_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/base/error.h"

namespace ergon::record {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MeterState make_state() {
  KnownMeter counter{
      "perf", "energy-pkg",         "2026-01-31T12:00:00Z", "joules", 6.1e-5, 1e-3, 5e-5, 0, 1e-4,
      2e-6,   Estimate{20, 19, 21}, Estimate{100, 99, 101}};
  KnownMeter watts = counter;
  watts.id = "command:plug";
  watts.quantity = "watts";
  watts.quantum = Absent{"never moved by one"};
  watts.idle_watts = Absent{"not seen"};
  watts.lag_seconds = Absent{"no load reaches it"};
  return {{{"AuthenticAMD 26/2/1", std::string("0123456789abcdef"), {counter, watts}},
           {"GenuineIntel 6/143/8", Absent{"no machine-id"}, {}}}};
}

std::string text_with(const std::string& from, const std::string& to) {
  std::string text = to_text(make_state());
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string refusal(const std::string& text) {
  try {
    meter_state_from_text(text, "meters.json");
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

class MeterStateFile : public testing::Test {
 protected:
  MeterStateFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ergon-state-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~MeterStateFile() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::filesystem::path folder_;
};

std::string whole(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(MeterState, IsReadAsItWasWritten) {
  const std::string text = to_text(make_state());
  EXPECT_EQ(to_text(meter_state_from_text(text, "meters.json")), text);
  const MeterState state = meter_state_from_text(text, "meters.json");
  EXPECT_EQ(state.machines.at(0).meters.at(1).quantum.reason(), "never moved by one");
  EXPECT_EQ(state.machines.at(0).meters.at(1).lag_seconds.reason(), "no load reaches it");
  EXPECT_EQ(*state.machines.at(0).meters.at(0).busy_watts, (Estimate{100, 99, 101}));
  EXPECT_EQ(state.machines.at(1).id.reason(), "no machine-id");
}

TEST(MeterState, ThatIsMalformedNamesFileLineAndField) {
  EXPECT_THAT(refusal("{\n\"schema\": \"ergon-meters/1\",\n"),
              HasSubstr("meters.json:3: not JSON"));
  EXPECT_THAT(refusal(text_with("ergon-meters/1", "ergon-meters/2")),
              AllOf(HasSubstr("meters.json:2:"), HasSubstr("/schema")));
  EXPECT_THAT(refusal(text_with("\"quantity\": \"joules\"", "\"quantity\": \"volts\"")),
              AllOf(HasSubstr("meters.json:12:"), HasSubstr("/machines/0/meters/0/quantity")));
  EXPECT_THAT(refusal(text_with("\"lag_seconds\": 0.0001", "\"lag_seconds\": -1")),
              HasSubstr("lag_seconds: is below 0"));
  EXPECT_THAT(refusal(text_with("\"period_seconds\": 0.001", "\"period_seconds\": 0")),
              HasSubstr("not above 0"));
  EXPECT_THAT(refusal(text_with("2026-01-31T12:00:00Z", "yesterday")), HasSubstr("not a time"));
  EXPECT_THAT(refusal(text_with("\"low\": 19", "\"low\": 29")), HasSubstr("its own range"));
  EXPECT_THAT(refusal(text_with("\"lag_seconds\"", "\"lags\"")), HasSubstr("missing"));
}

TEST_F(MeterStateFile, ThatIsNotThereKnowsNothing) {
  EXPECT_TRUE(read_meter_state(path("none.json")).machines.empty());
}

TEST_F(MeterStateFile, MakesItsFolderAndIsReplacedAsAWhole) {
  const std::string file = path("new/folder/meters.json");
  write_meter_state(file, make_state());
  EXPECT_EQ(whole(file), to_text(make_state()));
  write_meter_state(file, {});
  EXPECT_EQ(whole(file), to_text(MeterState{}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("new/folder")),
                          std::filesystem::directory_iterator{}),
            1);
}

TEST_F(MeterStateFile, ThatCannotBeReadOrWrittenIsToldWithItsName) {
  std::filesystem::create_directories(path("folder.json"));
  EXPECT_THROW(read_meter_state(path("folder.json")), UserError);
  EXPECT_THROW(write_meter_state(path("folder.json"), {}), UserError);
  std::ofstream(path("file")) << "x";
  EXPECT_THROW(write_meter_state(path("file/meters.json"), {}), UserError);
}

}  // namespace
}  // namespace ergon::record
