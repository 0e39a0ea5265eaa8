// Google Benchmark's flags mean what they usually mean.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(GoogleBenchmark, ListsTheCasesItsFilterFinds) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto all = program::ergon(folder, "run suite.toml --benchmark_list_tests");
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out, HasSubstr("naive"));
  const auto some =
      program::ergon(folder, "run suite.toml --benchmark_list_tests --benchmark_filter=onednn");
  EXPECT_THAT(some.out, HasSubstr("onednn"));
  EXPECT_THAT(some.out, Not(HasSubstr("naive")));
}

TEST(GoogleBenchmark, WritesValidJsonWithOneEntryForEachRepetition) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result = program::ergon(
      folder,
      "run suite.toml --benchmark_filter=m=64.*f32/naive --benchmark_min_time=0.01 "
      "--benchmark_repetitions=3 --benchmark_out=gb.json --benchmark_out_format=json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json document = json::parse(program::read(folder / "gb.json"));
  int iterations = 0;
  for (const json& entry : document["benchmarks"]) {
    if (entry["run_type"] != "iteration") continue;
    ++iterations;
    EXPECT_GT(entry["real_time"].get<double>(), 0);
    EXPECT_GT(entry["FLOP/s"].get<double>(), 0);
  }
  EXPECT_EQ(iterations, 3);
}

struct BadFlag {
  const char* name;
  const char* flags;
  const char* said;
};

class RefusesTheFlag : public ::testing::TestWithParam<BadFlag> {};

TEST_P(RefusesTheFlag, InOneLineAndExitsWithTwo) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result = program::ergon(folder, std::string("run suite.toml ") + GetParam().flags);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().said));
  EXPECT_EQ(result.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    GoogleBenchmark, RefusesTheFlag,
    ::testing::Values(
        BadFlag{"NoExpression", "--benchmark_filter='['", "--benchmark_filter: not a regular"},
        BadFlag{"FindsNothing", "--benchmark_filter=nothing", "no case is left"},
        BadFlag{"FindsNothingElse", "--benchmark_filter=-.", "no case is left"},
        BadFlag{"Format", "--benchmark_format=foo", "--benchmark_format: 'foo' is none of"},
        BadFlag{"OutFormat", "--benchmark_out_format=xml", "'xml' is none of"},
        BadFlag{"OutNowhere", "--benchmark_out=/no/such/x.json", "No such file"},
        BadFlag{"MinTimeIsText", "--benchmark_min_time=abc", "'abc' is no number of seconds"},
        BadFlag{"MinTimeIsNan", "--benchmark_min_time=nan", "'nan' is no number of seconds"},
        BadFlag{"NoRepetitions", "--benchmark_repetitions=0", "'0' is no count"}),
    [](const auto& test) { return test.param.name; });

TEST(GoogleBenchmark, SaysWhatCannotRunAndWhy) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto none = program::ergon(folder, "run suite.toml --benchmark_list_tests --threads 4096");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("4096 threads wanted"));
  EXPECT_THAT(none.err, HasSubstr("none of these cases can run here"));
  const auto some =
      program::ergon(folder, "run suite.toml --benchmark_list_tests --threads 1,4096");
  EXPECT_EQ(some.exit_code, 0);
  EXPECT_THAT(some.out, HasSubstr("threads:1/"));
  EXPECT_THAT(some.err, HasSubstr("not here: gemm/"));
}

TEST(GoogleBenchmark, AFilterMayTurnAround) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result =
      program::ergon(folder, "run suite.toml --benchmark_list_tests --benchmark_filter=-onednn");
  EXPECT_THAT(result.out, HasSubstr("naive"));
  EXPECT_THAT(result.out, Not(HasSubstr("onednn")));
}

TEST(GoogleBenchmark, RefusesARecordBesideIt) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result =
      program::ergon(folder, "run suite.toml --out result.json --benchmark_min_time=0.01");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
}

}  // namespace
