// The fake GPU's joules through the whole program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string fake = "ERGON_NVML='" ERGON_TEST_NVML "' ";

const char* const tiny_suite = R"(name = "tiny"
seed = 7
[budget]
seconds = 30
[[gemm]]
m = 64
n = 64
k = 64
dtype = "f32"
backend = "naive"
threads = 1
cache = "warm"
)";

json meter_of(const json& found, const std::string& id) {
  for (const json& meter : found["energy"])
    if (meter["meter"] == id) return meter;
  return {};
}

TEST(Nvml, DoctorListsTheMetersAndTakesNoneOfThemForAProcessor) {
  program::Folder folder;
  const auto result = program::ergon(folder, "doctor --json", fake);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json found = json::parse(result.out);
  for (const char* id : {"nvml:0", "nvml:0:instant", "nvml:0:average"}) {
    const json meter = meter_of(found, id);
    ASSERT_TRUE(meter.contains("scope")) << id << found["energy"];
    EXPECT_EQ(meter["part"], "accelerator");
    EXPECT_EQ(meter["scope"], "board");
    EXPECT_EQ(meter["used"], false);
  }
  EXPECT_EQ(meter_of(found, "nvml:0")["provenance"], "counter");
  EXPECT_EQ(meter_of(found, "nvml:0:instant")["provenance"], "sampled");
}

TEST(Nvml, AProcessorsOwnMeterComesBeforeThatOfTheModuleItIsOn) {
  program::Folder folder;
  const auto chip = folder / "sys/class/hwmon/hwmon0";
  program::fs::create_directories(chip);
  program::write(chip / "name", "power_meter\n");
  program::write(chip / "power1_average", "150000000\n");
  program::write(chip / "power1_average_interval", "50\n");
  program::write(chip / "power1_oem_info", "Grace Power Socket 0\n");
  const auto result =
      program::ergon(folder, "doctor --json",
                     fake + "ERGON_FAKE_NVML='name=NVIDIA_GH200_480GB module=1' ERGON_SYSFS=sys");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json found = json::parse(result.out);
  EXPECT_EQ(meter_of(found, "nvml:0:module")["used"], false) << found["energy"];
  EXPECT_EQ(meter_of(found, "hwmon:grace")["used"], true) << found["energy"];
}

TEST(Nvml, DoctorSaysWhoseJoulesTheyAre) {
  program::Folder folder;
  const auto result = program::ergon(folder, "doctor", fake);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("counter, scope board, of an accelerator, calibration"));
  EXPECT_THAT(result.out, Not(HasSubstr("scope wall, of"))) << "a model senses nothing";
}

TEST(Nvml, DoctorSaysWhyALostDriverHasNone) {
  program::Folder folder;
  const auto result = program::ergon(folder, "doctor", fake + "ERGON_FAKE_NVML=init=9");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("Driver Not Loaded"));
  EXPECT_THAT(result.out, HasSubstr("sudo modprobe nvidia"));
}

TEST(Nvml, DoctorCharacterisesItAtIdleAndARunAppliesWhatItFound) {
  program::Folder folder;
  const std::string idle = "watts=60 swing=3 swing_seconds=0.37";
  const auto result =
      program::ergon(folder, "doctor --meters --json", fake + "ERGON_FAKE_NVML='" + idle + "'");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("meter nvml:0: watched at idle"));
  json counter;
  const json found = json::parse(result.out);
  for (const json& meter : found["meters"]) {
    if (meter["meter"] != "nvml:0" && meter["meter"] != "nvml:0:instant") continue;
    if (meter["meter"] == "nvml:0") counter = meter;
    ASSERT_TRUE(meter.contains("characterised")) << meter;
    EXPECT_GT(meter["read_seconds"], 0);
    EXPECT_NEAR(meter["idle_watts"]["value"].get<double>(), 60, 3);
    for (const char* field : {"step_response", "lag_seconds", "busy_watts"})
      EXPECT_THAT(meter[field]["absent"].get<std::string>(), HasSubstr("accelerator")) << field;
    EXPECT_FALSE(meter.contains("gain_watts"));
  }
  EXPECT_GT(counter["period_seconds"], 0.015);
  program::write(folder / "tiny.toml", tiny_suite);
  const auto ran = program::ergon(folder, "run tiny.toml --out tiny.json --meter nvml",
                                  fake + "ERGON_FAKE_NVML='" + idle + " fields=0 usage=0'");
  ASSERT_TRUE(program::ran(ran)) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("meter nvml:0: rechecking"));
  const json record = json::parse(program::read(folder / "tiny.json"));
  for (const json& meter : record["meters"]) {
    if (meter["id"] != "nvml:0") continue;
    EXPECT_TRUE(meter["characterised"].is_string()) << meter;
    EXPECT_FALSE(meter.contains("lag_seconds")) << meter;
  }
}

TEST(Nvml, TheJoulesOfARunAreTheTrueOnesWithinTheirError) {
  constexpr double true_watts = 20;
  // Half a turn of the swing that a window begins or ends within: 2 * 2 W * 3.7 ms / (2 pi).
  constexpr double true_joules_within = 2.4e-3;
  for (const char* meter : {"nvml", "nvml:0:instant"}) {
    program::Folder folder;
    program::write(folder / "tiny.toml", tiny_suite);
    const auto result = program::ergon(
        folder, std::string("run tiny.toml --out tiny.json --meter ") + meter,
        fake + "ERGON_FAKE_NVML='watts=20 swing=2 swing_seconds=0.0037 period=0.002'");
    ASSERT_TRUE(program::ran(result)) << result.err;
    const json record = json::parse(program::read(folder / "tiny.json"));
    int samples = 0;
    int outside = 0;
    for (const json& row : record["rows"]) {
      if (!row.contains("energy") || !row["energy"].contains("samples")) continue;
      for (const json& sample : row["energy"]["samples"]) {
        if (!sample["joules"].is_number()) continue;
        ++samples;
        const double truth = true_watts * sample["seconds"].get<double>();
        outside += std::abs(sample["joules"].get<double>() - truth) >
                   sample["error_joules"].get<double>() + true_joules_within;
      }
    }
    EXPECT_GT(samples, 0) << meter << record["rows"];
    // Of errors at 95 %, more than two in ten are rare.
    EXPECT_LE(outside, 1 + samples / 5) << meter;
  }
}

TEST(Nvml, RowsOfAProcessorHaveNoFiguresOfABoardThatStoodBy) {
  program::Folder folder;
  program::write(folder / "tiny.toml", tiny_suite);
  const auto ran = program::ergon(folder, "run tiny.toml --out tiny.json --meter nvml",
                                  fake + "ERGON_FAKE_NVML='watts=20 period=0.002'");
  ASSERT_TRUE(program::ran(ran)) << ran.err;
  const std::string why = "nvml:0 watches an accelerator, and this ran on the processor";
  EXPECT_THAT(ran.out, HasSubstr(why));
  const json record = json::parse(program::read(folder / "tiny.json"));
  for (const json& meter : record["meters"]) {
    if (meter["id"] == "nvml:0") {
      EXPECT_EQ(meter["part"], "accelerator");
    }
  }
  const auto result = program::ergon(folder, "report tiny.json --format json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json table = json::parse(result.out);
  int rows = 0;
  for (const json& row : table["rows"]) {
    if (row["kernel"] != "gemm") continue;
    ++rows;
    EXPECT_TRUE(row["seconds_per_call"].is_number());
    for (const char* figure : {"watts", "joules_per_call", "flops_per_joule"})
      EXPECT_EQ(row[figure]["absent"], why) << figure;
  }
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(program::ergon(folder, "compare tiny.json tiny.json --measure joules").exit_code, 3);
}

TEST(Nvml, AMeterThatIsNotThereIsToldInOneLine) {
  program::Folder folder;
  program::write(folder / "tiny.toml", tiny_suite);
  const auto none = program::ergon(folder, "run tiny.toml --meter nvml:3", fake);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("--meter: there is no nvml:3 here"));
  EXPECT_EQ(program::lines(none.err), 1) << none.err;
  const auto lost =
      program::ergon(folder, "run tiny.toml --meter nvml", fake + "ERGON_FAKE_NVML=init=9");
  EXPECT_EQ(lost.exit_code, 2);
  EXPECT_THAT(lost.err, HasSubstr("sudo modprobe nvidia"));
  EXPECT_EQ(program::lines(lost.err), 1) << lost.err;
  const auto mig =
      program::ergon(folder, "run tiny.toml --meter nvml", fake + "ERGON_FAKE_NVML=mig=1");
  EXPECT_EQ(mig.exit_code, 2);
  EXPECT_THAT(mig.err, HasSubstr("nvml:0 does not work here: MIG is on"));
}

}  // namespace
