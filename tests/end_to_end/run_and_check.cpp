// From a suite to a record to a table, through the command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Measured : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = new program::Folder;
    program::write(*folder / "suite.toml", program::small_suite);
    run = new program::Result(
        program::ergon(*folder, "run suite.toml --out result.json --usd-per-hour 0.5"));
  }
  static void TearDownTestSuite() {
    delete run;
    delete folder;
  }
  static json record() { return json::parse(program::read(*folder / "result.json")); }
  static program::Folder* folder;
  static program::Result* run;
};
program::Folder* Measured::folder = nullptr;
program::Result* Measured::run = nullptr;

TEST_F(Measured, TheRunEndsWellAndSaysWhereTheRecordIs) {
  EXPECT_TRUE(program::ran(*run)) << run->err;
  EXPECT_THAT(run->out, HasSubstr("result.json"));
  EXPECT_TRUE(program::fs::exists(*folder / "result.json"));
  EXPECT_FALSE(program::fs::exists(*folder / "result.json.journal"));
}

TEST_F(Measured, EveryRunnableRowHasSamplesAMedianAndAVerdict) {
  int measured = 0;
  const json document = record();
  for (const json& row : document["rows"]) {
    const std::string status = row["status"];
    EXPECT_NE(status, "wrong") << row["reason"];
    EXPECT_NE(status, "failed") << row["reason"];
    if (status == "skipped") {
      EXPECT_FALSE(row["reason"].get<std::string>().empty());
      continue;
    }
    ++measured;
    EXPECT_GE(row["time"]["samples"].size(), 6U);
    EXPECT_GT(row["time"]["median"].get<double>(), 0);
    EXPECT_TRUE(row["accuracy"]["verified_after"].get<bool>());
  }
  EXPECT_GE(measured, 8);
}

TEST_F(Measured, TheRecordKeepsTheSuiteTheSeedAndTheCommand) {
  const json run_part = record()["run"];
  EXPECT_EQ(run_part["suite"]["text"], program::small_suite);
  EXPECT_EQ(run_part["seed"], 7);
  EXPECT_TRUE(run_part["complete"].get<bool>());
  EXPECT_GE(run_part["command"].size(), 2U);
}

TEST_F(Measured, VerifyCallsItConsistentAndNeverAuthentic) {
  const auto result = program::ergon(*folder, "verify result.json");
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("consistent"));
  EXPECT_THAT(result.out, Not(HasSubstr("is authentic")));
}

TEST_F(Measured, VerifyFindsAnEditedMedian) {
  json edited = record();
  for (json& row : edited["rows"])
    if (row["time"]["median"].is_number())
      row["time"]["median"] = row["time"]["median"].get<double>() * 0.9;
  program::write(*folder / "edited.json", edited.dump());
  const auto result = program::ergon(*folder, "verify edited.json");
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_THAT(result.out, HasSubstr("median"));
}

TEST_F(Measured, EveryFormatIsPrintedAndTheJsonHasNoNan) {
  const std::regex not_a_number("[:, |]-?(nan|inf)\\b");
  for (const char* format : {"table", "markdown", "csv", "json"}) {
    const auto result =
        program::ergon(*folder, std::string("report result.json --format ") + format);
    EXPECT_EQ(result.exit_code, 0) << format << result.err;
    EXPECT_THAT(result.out, HasSubstr("onednn")) << format;
    EXPECT_FALSE(std::regex_search(result.out, not_a_number)) << format;
  }
  EXPECT_NO_THROW(json::parse(program::ergon(*folder, "report result.json --format json").out));
}

TEST_F(Measured, ABaselineGivesRatiosWithinRounds) {
  const auto result = program::ergon(*folder, "report result.json --baseline naive");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1.00"));
}

TEST_F(Measured, ARecordComparedWithItselfIsTheSameOrCannotTell) {
  const auto result = program::ergon(*folder, "compare result.json result.json");
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 3) << result.out << result.err;
}

TEST_F(Measured, EveryMeterSaysHowLongItsWindowsMustBe) {
  const json record = json::parse(program::read(*folder / "result.json"));
  for (const json& meter : record["meters"]) {
    const bool works = meter.contains("quantum_joules") && meter["quantum_joules"].is_number();
    EXPECT_TRUE(!works || meter["shortest_window_seconds"].is_number()) << meter;
  }
}

TEST_F(Measured, AnExistingResultIsNotOverwritten) {
  const std::string before = program::read(*folder / "result.json");
  const auto result = program::ergon(*folder, "run suite.toml --out result.json");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::read(*folder / "result.json"), before);
}

TEST(List, ShowsEveryCaseWithItsWork) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result = program::ergon(folder, "list suite.toml");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("gemm/m=48,n=48,k=32/f32/naive/cpu/threads:1/warm"));
  EXPECT_EQ(program::ergon(folder, "list --implementations").exit_code, 0);
}

TEST(List, SaysWhatDoesNotFitTheMemoryAsRunWould) {
  program::Folder folder;
  program::write(folder / "big.toml",
                 "name = \"big\"\n[[gemm]]\nm = [4, 1000000]\nn = 1000000\nk = 1000000\n"
                 "backend = \"naive\"\nthreads = [1]\ncache = \"warm\"\n");
  const auto result = program::ergon(folder, "list big.toml --filter m=1000000");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("not here:\n  gemm/m=1000000,n=1000000,k=1000000/f32/naive/cpu/"
                                    "threads:1/warm: needs 1"));
  EXPECT_THAT(result.out, HasSubstr("MiB may be used"));
}

TEST(List, NamesTheInstructionSetOfOurOwnKernels) {
  program::Folder folder;
  const auto portable = program::ergon(folder, "list --implementations --isa portable");
  EXPECT_EQ(portable.exit_code, 0) << portable.err;
  EXPECT_THAT(portable.out, HasSubstr("our own kernels for portable"));
  const auto unknown = program::ergon(folder, "list --isa sse9");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--isa: 'sse9' is no instruction set; there are: portable"));
#if defined(__x86_64__)
  const auto foreign = program::ergon(folder, "list --isa neon");
#else
  const auto foreign = program::ergon(folder, "list --isa avx512");
#endif
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_THAT(foreign.err, HasSubstr("is not on this processor; there are: portable"));
}

TEST(Doctor, NamesTheProcessorTheMetersAndWhyTheOthersDoNotWork) {
  program::Folder folder;
  const auto text = program::ergon(folder, "doctor");
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* word : {"family", "perf", "powercap", "modelled", "openblas", "onednn"})
    EXPECT_THAT(text.out, HasSubstr(word));
  const auto as_json = program::ergon(folder, "doctor --json");
  EXPECT_NO_THROW(json::parse(as_json.out)) << as_json.out;
}

TEST(Doctor, SaysWhatItCannotReadInsteadOfNothing) {
  program::Folder folder;
  // PoCL does not survive an hwloc that finds nothing, so there is no OpenCL either.
  const auto as_json = program::ergon(folder, "doctor --json",
                                      "ERGON_PROC=/nonexistent ERGON_SYSFS=/nonexistent "
                                      "HWLOC_COMPONENTS=stop OCL_ICD_VENDORS=/nonexistent");
  ASSERT_EQ(as_json.exit_code, 0) << as_json.err;
  const json found = json::parse(as_json.out);
  for (const char* field : {"memory_bytes", "caches", "cores", "sockets"})
    EXPECT_TRUE(found["machine"][field].contains("absent")) << field << found["machine"][field];
  for (const json& backend : found["backends"]) EXPECT_NE(backend.value("picked_kernel", "x"), "");
  EXPECT_THAT(found["machine"]["binding"].get<std::string>(), HasSubstr("OMP_PROC_BIND=close"));
  const auto text =
      program::ergon(folder, "doctor", "ERGON_PROC=/nonexistent ERGON_SYSFS=/nonexistent");
  EXPECT_THAT(text.out, HasSubstr("caches                 not known: sysfs lists none"));
  EXPECT_THAT(text.out, HasSubstr("memory                 not known: /proc/meminfo does not say"));
}

TEST(Failure, OfTheProgramIsNoVerdict) {
  program::Folder folder;
  const auto result =
      program::ergon(folder, "compare --live openblas openblas", "TMPDIR=/no/such/folder");
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("error: unexpected: "));
  EXPECT_THAT(program::ergon(folder, "--help").out, HasSubstr("4 the program itself failed"));
}

TEST(Help, EverySubcommandExplainsItself) {
  program::Folder folder;
  for (const char* name : {"run", "list", "report", "compare", "doctor", "verify"}) {
    const auto result = program::ergon(folder, std::string(name) + " --help");
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_GT(program::lines(result.out), 4) << name;
  }
}

}  // namespace
