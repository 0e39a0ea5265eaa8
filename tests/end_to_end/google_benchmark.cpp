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

TEST(GoogleBenchmark, RefusesARecordBesideIt) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  const auto result =
      program::ergon(folder, "run suite.toml --out result.json --benchmark_min_time=0.01");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
}

}  // namespace
