// Joules from a program that prints watts, and from a log that is attached afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* suite = R"(name = "energy"
seed = 7
[budget]
seconds = 30
[[gemm]]
m = 48
n = 48
k = 32
dtype = ["f32"]
backend = ["naive"]
threads = [1]
cache = ["warm"]
)";

json read(const program::Folder& folder, const std::string& name) {
  return json::parse(program::read(folder / name));
}

json measured_row(const json& document) {
  for (const json& row : document["rows"])
    if (row["kernel"] == "gemm") return row;
  return {};
}

std::string command_meter(const std::string& keys, const std::string& arguments) {
  return "--meter 'command:" + keys + " timeout=300 " + ERGON_PRINTS_WATTS + " " + arguments + "'";
}

void expect_watts(const json& document, double watts) {
  const json row = measured_row(document);
  ASSERT_TRUE(row["energy"].contains("samples")) << row["energy"];
  EXPECT_EQ(row["energy"]["meter"], "command:ergon_prints_watts");
  int known = 0;
  for (const json& sample : row["energy"]["samples"]) {
    if (!sample["joules"].is_number()) continue;  // held up for longer than it should be
    ++known;
    EXPECT_NEAR(sample["joules"].get<double>() / sample["seconds"].get<double>(), watts, 0.3);
    EXPECT_GE(sample["error_joules"].get<double>(), 0);
  }
  EXPECT_GT(known, 0) << row["energy"];
}

TEST(EnergyOfACommand, IsThatOfWhatItPrintsPerCall) {
  const program::Folder folder;
  program::write(folder / "suite.toml", suite);
  const auto run = program::ergon(
      folder, "run suite.toml --out a.json " + command_meter("scope=node every=0.1", "220"));
  ASSERT_TRUE(program::ran(run)) << run.err;
  const json document = read(folder, "a.json");
  expect_watts(document, 220.1);
  for (const json& meter : document["meters"])
    if (meter["primary"].get<bool>()) {
      EXPECT_EQ(meter["scope"], "node");
      EXPECT_EQ(meter["provenance"], "sampled");
      EXPECT_EQ(meter["relative_uncertainty"], 0.05);
    }
  EXPECT_EQ(program::ergon(folder, "verify a.json").exit_code, 0);
}

TEST(EnergyOfACommand, IsThatOfWhatItPrintsLineByLine) {
  const program::Folder folder;
  program::write(folder / "suite.toml", suite);
  const auto run = program::ergon(
      folder, "run suite.toml --out a.json " + command_meter("mode=stream every=0.05", "220 0.05"));
  ASSERT_TRUE(program::ran(run)) << run.err;
  expect_watts(read(folder, "a.json"), 220.1);
}

TEST(EnergyOfACommand, IsRefusedWithTheReasonThatTheProgramGives) {
  const program::Folder folder;
  program::write(folder / "suite.toml", suite);
  const auto run = program::ergon(folder,
                                  "run suite.toml --out a.json --meter 'command:timeout=300 sh -c "
                                  "\"echo no BMC >&2; exit 3\"'");
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--meter: command:sh does not work here: sh ended with exit "
                                 "status 3: no BMC"));
  EXPECT_EQ(program::lines(run.err), 1);
  EXPECT_FALSE(program::fs::exists(folder / "a.json.journal"));
  const auto wrong = program::ergon(folder, "run suite.toml --meter command:every=x");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--meter: command:every=x: every=x is no number"));
}

/// Seconds since 1970 of "2026-01-31T12:00:00.123Z".
double utc(const std::string& text) {
  std::tm parts{};
  strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return static_cast<double>(timegm(&parts)) + std::stod(text.substr(19, 4));
}

/// The power of the run that the record tells, as a plug logs it whose clock is 7.25 s late and
/// runs 100 ppm too fast.
class Attached : public ::testing::Test {
 protected:
  static constexpr double idle_watts = 40, busy_watts = 95, other_watts = 70;
  static constexpr double period_seconds = 0.1;

  static void SetUpTestSuite() {
    folder = new program::Folder;
    program::write(*folder / "suite.toml", suite);
    const auto run =
        program::ergon(*folder, "run suite.toml --out run.json --meter log:period=0.1");
    ASSERT_TRUE(program::ran(run)) << run.err;
    program::write(*folder / "plug.csv", log_of(read(*folder, "run.json")));
  }
  static void TearDownTestSuite() { delete folder; }
  void SetUp() override {
    program::fs::copy_file(*folder / "run.json", *folder / "a.json",
                           program::fs::copy_options::overwrite_existing);
  }

  struct Span {
    double start, end, watts;
  };
  static std::vector<Span> spans_of(const json& document) {
    const double launch = utc(document["run"]["launch_starts"][0]["utc"]);
    std::vector<Span> spans;
    const auto add = [&](const json& span, double watts) {
      const double start = launch + span["start_seconds"].get<double>();
      spans.push_back({start, start + span["seconds"].get<double>(), watts});
    };
    for (const json& beacon : document["run"]["beacons"])
      add(beacon, beacon["busy"].get<bool>() ? busy_watts : idle_watts);
    for (const json& row : document["rows"])
      if (row["energy"].contains("samples"))
        for (const json& sample : row["energy"]["samples"]) add(sample, busy_watts);
    return spans;
  }
  static std::string log_of(const json& document) {
    const std::vector<Span> spans = spans_of(document);
    double first = 1e300, last = 0;
    for (const Span& span : spans) {
      first = std::min(first, span.start);
      last = std::max(last, span.end);
    }
    std::mt19937_64 random(11);
    std::normal_distribution<double> noise(0, 0.5);
    std::string text = "time;power [W]\n";
    for (double now = first - 20; now < last + 20; now += period_seconds) {
      double watts = other_watts;
      for (const Span& span : spans)
        if (now >= span.start && now <= span.end) watts = span.watts;
      const double stamp = now - 7.25 + 100e-6 * (now - first);
      char line[64];
      std::snprintf(line, sizeof line, "%.3f;%.2f\n", stamp, watts + noise(random));
      text += line;
    }
    return text;
  }
  static program::Folder* folder;
};
program::Folder* Attached::folder = nullptr;

TEST_F(Attached, RunsKeepWindowsWithoutJoulesUntilThen) {
  const json row = measured_row(read(*folder, "run.json"));
  ASSERT_TRUE(row["energy"].contains("samples")) << row["energy"];
  EXPECT_EQ(row["energy"]["meter"], "log");
  for (const json& sample : row["energy"]["samples"])
    EXPECT_THAT(sample["joules"]["absent"].get<std::string>(), HasSubstr("to be attached"));
  EXPECT_EQ(program::ergon(*folder, "verify run.json").exit_code, 0);
}

TEST_F(Attached, LogsGiveTheJoulesThatFlowed) {
  const auto attach = program::ergon(*folder, "energy attach a.json plug.csv --uncertainty 0.02");
  ASSERT_EQ(attach.exit_code, 0) << attach.err;
  EXPECT_THAT(attach.out, HasSubstr("run = log +7.2"));
  const json document = read(*folder, "a.json");
  const json row = measured_row(document);
  EXPECT_EQ(row["energy"]["meter"], "log:plug.csv");
  int within = 0, windows = 0;
  for (const json& sample : row["energy"]["samples"]) {
    ASSERT_TRUE(sample["joules"].is_number()) << sample;
    const double truth = busy_watts * sample["seconds"].get<double>();
    const double off = std::abs(sample["joules"].get<double>() - truth);
    ++windows;
    within += off <= sample["error_joules"].get<double>() ? 1 : 0;
    EXPECT_LE(off, 2.5 * sample["error_joules"].get<double>());
    EXPECT_LE(sample["error_joules"].get<double>(), 0.05 * truth);
    EXPECT_NEAR(sample["idle_watts"].get<double>(), idle_watts, 1);
  }
  EXPECT_GE(within, windows - 2);
  json meter;
  for (const json& one : document["meters"])
    if (one["id"] == "log:plug.csv") meter = one;
  ASSERT_FALSE(meter.is_null());
  EXPECT_TRUE(meter["primary"].get<bool>());
  EXPECT_EQ(meter["scope"], "wall");
  EXPECT_EQ(meter["relative_uncertainty"], 0.02);
  EXPECT_THAT(meter["about"].get<std::string>(), HasSubstr("sha256"));
  EXPECT_EQ(program::ergon(*folder, "verify a.json").exit_code, 0);
  EXPECT_EQ(program::ergon(*folder, "report a.json").exit_code, 0);
}

TEST_F(Attached, LogsAreNotAttachedTwice) {
  ASSERT_EQ(program::ergon(*folder, "energy attach a.json plug.csv").exit_code, 0);
  const std::string before = program::read(*folder / "a.json");
  const auto again = program::ergon(*folder, "energy attach a.json plug.csv");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("is attached already"));
  EXPECT_EQ(program::read(*folder / "a.json"), before);
}

TEST_F(Attached, SecondLogsStandBesideTheFirst) {
  program::write(*folder / "board.csv", program::read(*folder / "plug.csv") + "# another\n");
  ASSERT_EQ(program::ergon(*folder, "energy attach a.json plug.csv --out b.json").exit_code, 0);
  ASSERT_EQ(program::ergon(*folder, "energy attach b.json board.csv --scope node").exit_code, 0);
  const json document = read(*folder, "b.json");
  EXPECT_EQ(measured_row(document)["extra_meters"][0]["meter"], "log:board.csv");
  EXPECT_EQ(program::ergon(*folder, "verify b.json").exit_code, 0);
  EXPECT_EQ(program::read(*folder / "a.json"), program::read(*folder / "run.json"));
  program::fs::remove(*folder / "b.json");
}

TEST_F(Attached, LogsThatShowNothingAreRefusedAndTheRecordStays) {
  std::string flat = "time;power [W]\n";
  const double start = utc(read(*folder, "run.json")["run"]["launch_starts"][0]["utc"]);
  for (int i = 0; i < 4000; ++i)
    flat += std::to_string(start - 60 + 0.1 * i) + ";" + std::to_string(70 + i % 2) + "\n";
  program::write(*folder / "flat.csv", flat);
  const auto attach = program::ergon(*folder, "energy attach a.json flat.csv");
  EXPECT_EQ(attach.exit_code, 3);
  EXPECT_THAT(attach.err, HasSubstr("cannot align: "));
  EXPECT_EQ(program::read(*folder / "a.json"), program::read(*folder / "run.json"));
}

TEST_F(Attached, MistakesAreToldWithTheirPlace) {
  program::write(*folder / "bad.csv", "time;power [W]\n1;5\n2;x\n");
  const auto bad = program::ergon(*folder, "energy attach a.json bad.csv");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("bad.csv:3: power [W]: 'x' is no number"));
  const auto missing = program::ergon(*folder, "energy attach a.json none.csv");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("none.csv: cannot be opened"));
  const auto unit = program::ergon(*folder, "energy attach a.json plug.csv --unit BTU");
  EXPECT_EQ(unit.exit_code, 2);
  EXPECT_THAT(unit.err, HasSubstr("--unit: 'BTU' is none of"));
}

}  // namespace
