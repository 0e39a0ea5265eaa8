// Records that somebody changed: what verify, report and compare say of them, and to whom.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class EditedRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    write("good.json", [](json&) {});
    ASSERT_EQ(ergon("verify good.json").exit_code, 0) << ergon("verify good.json").out;
  }

  /// A consistent record of one measured row after a change.
  void write(const std::string& name, const std::function<void(json&)>& change) {
    json record = json::parse(program::read(ERGON_SOURCE_DIR "/tests/golden/record/minimal.json"));
    // The golden record has fields that no kernel of ours does, and a seed that no suite can have.
    for (json& row : record["rows"])
      row["workload"] = {{"m", 8}, {"n", 64}, {"k", 64}, {"dtype", "f32"}};
    record["run"]["seed"] = record["rows"][0]["inputs"]["seed"] = 1;
    change(record);
    program::write(folder_ / name, record.dump());
  }
  program::Result ergon(const std::string& arguments) { return program::ergon(folder_, arguments); }
  static json& measured(json& record) { return record["rows"][0]; }
  program::Folder folder_;
};

TEST_F(EditedRecord, WhoseWorkIsMoreThanItsWorkloadsIsDoubtedInEveryOutput) {
  write("more.json", [](json& record) {
    json& flops = measured(record)["work"]["flops"];
    flops = flops.get<double>() * 1.01;
  });
  EXPECT_EQ(ergon("verify more.json").exit_code, 1);
  for (const char* format : {"table", "markdown", "csv", "json"}) {
    const auto report = ergon(std::string("report more.json --format ") + format);
    EXPECT_EQ(report.exit_code, 0) << report.err;
    EXPECT_THAT(report.out, HasSubstr("does not agree with itself: 1 finding,")) << format;
    EXPECT_THAT(report.err, HasSubstr("warning: more.json: does not agree")) << format;
  }
  for (const char* how : {"compare good.json more.json", "compare good.json more.json --json"}) {
    const auto compared = ergon(how);
    EXPECT_THAT(compared.out, HasSubstr("new: does not agree with itself")) << how;
    EXPECT_THAT(compared.err, HasSubstr("warning: more.json")) << how;
  }
  const auto good = ergon("compare good.json good.json");
  EXPECT_THAT(good.out, Not(HasSubstr("WARNING")));
  EXPECT_EQ(good.err, "");
}

TEST_F(EditedRecord, WhoseRowsAreNoCasesOfItsSuiteIsFound) {
  write("other.json", [](json& record) {
    record["run"]["suite"]["text"] = "name = \"minimal\"\n[[gemm]]\nm = 9\nn = 64\nk = 64\n";
    record["run"]["suite"]["sha256"] =
        "17095ce11d4261219f6b4e198c936d67a731f0bd7d8103f73693d3b09d807119";
  });
  const auto verified = ergon("verify other.json");
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, HasSubstr("/rows/0/case"));
}

TEST_F(EditedRecord, ThatIsIncompleteIsComparedWithAWord) {
  write("cut.json", [](json& record) {
    record["run"]["complete"] = false;
    record["run"]["finished_utc"] = {{"absent", "it was interrupted"}};
  });
  EXPECT_THAT(ergon("compare cut.json good.json").out, HasSubstr("WARNING: base: INCOMPLETE"));
}

TEST_F(EditedRecord, CannotWriteLinesOfItsOwnToTheTerminal) {
  const std::string forged = "\x1b[2K\ngood.json: consistent\n";
  write("bad.json", [&](json& record) { measured(record)["device"] = forged; });
  const auto verified = ergon("verify bad.json");
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\ngood.json"))));
  write("worse.json", [&](json& record) { record["run"][forged] = 1; });
  for (const char* command : {"verify", "report"}) {
    const auto refused = ergon(std::string(command) + " worse.json");
    EXPECT_THAT(refused.out + refused.err, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\ngood"))));
  }
}

TEST_F(EditedRecord, WithAWindowOfNoTimeIsRefusedByName) {
  write("none.json",
        [](json& record) { measured(record)["time"]["samples"][0]["seconds"] = 5e-324; });
  for (const char* command : {"compare good.json none.json", "report none.json --baseline naive"}) {
    const auto result = ergon(command);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_EQ(program::lines(result.err), 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr("none.json: /rows/0/time/samples/0/seconds: "));
  }
  EXPECT_EQ(ergon("verify none.json").exit_code, 1);
}

TEST_F(EditedRecord, WithTimesBeyondANumberIsRefusedByName) {
  write("huge.json", [](json& record) {
    for (json& row : record["rows"])
      for (json& sample : row["time"]["samples"]) sample["seconds"] = 1e308;
  });
  write("tiny.json", [](json& record) {
    for (json& row : record["rows"])
      for (json& sample : row["time"]["samples"]) sample["seconds"] = 1e-300;
  });
  const auto result = ergon("compare tiny.json huge.json");
  EXPECT_EQ(result.exit_code, 2) << result.out;
  EXPECT_THAT(result.err, HasSubstr("tiny.json, huge.json: /rows: "));
}

TEST_F(EditedRecord, ThatCannotBeReadDoesNotKeepOthersFromBeingVerified) {
  program::fs::create_directories(folder_ / "all");
  program::fs::copy(folder_ / "good.json", folder_ / "all/c.json");
  program::write(folder_ / "all/b.json", "{");
  for (const char* files : {"all/b.json all/c.json", "all", "nothing.json all/c.json"}) {
    const auto result = ergon(std::string("verify ") + files);
    EXPECT_EQ(result.exit_code, 2) << files;
    EXPECT_EQ(program::lines(result.err), 1) << result.err;
    EXPECT_THAT(result.out, HasSubstr("all/c.json: consistent")) << files;
  }
}

TEST_F(EditedRecord, ReportListsEveryColumnWhenAsked) {
  const auto result = ergon("report good.json --columns help");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1);
  for (const char* name : {" run,", " flops_per_usd,", " interval_kind,", " reason,"})
    EXPECT_THAT(result.err, HasSubstr(name));
}

}  // namespace
