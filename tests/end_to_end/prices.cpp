// A price that is a guess: its range goes from the configs through the record into the table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const char* const suite = R"(name = "prices"
[budget]
seconds = 2
[[gemm]]
m = 40
n = 36
k = 24
dtype = "f32"
backend = "naive"
threads = 1
cache = "warm"
)";

std::string instance(const std::string& name, double usd_per_hour) {
  return "[[instance]]\nprovider = \"Test\"\ninstance = \"" + name +
         "\"\ndevice = \"this-cpu\"\ndevices = 1\ndevices_confidence = \"read\"\n"
         "vcpus = 100\nvcpus_confidence = \"read\"\nusd_per_hour = " +
         std::to_string(usd_per_hour) +
         "\nkind = \"on-demand\"\nregion = \"here\"\nas_of = \"2026-01-31\"\nsource = \"a test\"\n"
         "confidence = \"read\"\n";
}

/// Configs in which the processor at hand is known, at three prices.
void write_configs(const program::Folder& folder) {
  const auto doctor = program::ergon(folder, "doctor --json");
  const json machine = json::parse(doctor.out)["machine"];
  const std::string model = machine["family/model/stepping"];  // "6/143/8"
  const auto first = model.find('/');
  const std::string number = model.substr(first + 1, model.rfind('/') - first - 1);
  program::fs::create_directories(folder / "configs/hardware");
  program::fs::create_directories(folder / "configs/suites");
  program::fs::copy(ERGON_SOURCE_DIR "/configs/prices", folder / "configs/prices");
  program::write(folder / "configs/hardware/generations.toml",
                 "schema = \"ergon-generations/1\"\n[[generation]]\nid = \"this\"\n"
                 "name = \"This\"\nvendor = \"" +
                     machine["vendor"].get<std::string>() + "\"\nmodels = [[" + number + ", " +
                     number +
                     "]]\nhas = []\nlacks = []\nsource = \"a test\"\nconfidence = \"read\"\n"
                     "recalled = []\n");
  program::write(folder / "configs/hardware/this-cpu.toml",
                 "schema = \"ergon-hardware/1\"\nid = \"this-cpu\"\nname = \"This\"\n"
                 "vendor = \"This\"\nkind = \"cpu\"\ngeneration = \"this\"\nsource = \"a test\"\n"
                 "as_of = \"2026-01-31\"\nconfidence = \"read\"\n");
  program::write(folder / "configs/prices/instances.toml",
                 "schema = \"ergon-instances/1\"\n" + instance("cheap", 50) +
                     instance("usual", 100) + instance("dear", 400));
}

TEST(PriceRange, GoesFromTheConfigsIntoTheRecordAndTheIntervalsOfTheTable) {
  program::Folder folder;
  write_configs(folder);
  program::write(folder / "suite.toml", suite);
  const std::string configs = "ERGON_CONFIGS=configs";
  const auto run = program::ergon(folder, "run suite.toml --out result.json", configs);
  ASSERT_TRUE(program::ran(run)) << run.err;
  const json record = json::parse(program::read(folder / "result.json"));
  ASSERT_EQ(record["prices"].size(), 1U);
  EXPECT_EQ(record["prices"][0]["id"], "Test usual");
  EXPECT_EQ(record["prices"][0]["usd_per_hour_range"], json({50.0, 400.0}));
  EXPECT_EQ(program::ergon(folder, "verify result.json").exit_code, 0);

  const auto report = program::ergon(folder, "report result.json --format json");
  ASSERT_EQ(report.exit_code, 0) << report.err;
  int rows = 0;
  const json table = json::parse(report.out);
  for (const json& row : table["rows"]) {
    if (row["kernel"] == "ceiling" || !row["flops_per_usd"].is_number()) continue;
    ++rows;
    const double value = row["flops_per_usd"];
    EXPECT_LE(row["flops_per_usd_low"].get<double>(), value / 4);
    EXPECT_GE(row["flops_per_usd_high"].get<double>(), value * 2);
  }
  EXPECT_EQ(rows, 1) << report.out;
  EXPECT_THAT(program::ergon(folder, "report result.json").out,
              HasSubstr("$50 to $400 over other"));
  const json doctor = json::parse(program::ergon(folder, "doctor --json", configs).out);
  EXPECT_EQ(doctor["price"][0]["usd_per_hour_range"], json({50.0, 400.0}));
}

}  // namespace
