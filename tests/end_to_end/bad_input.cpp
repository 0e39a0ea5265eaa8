// A mistake of the user: one line that says where, exit code 2, and nothing left behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/end_to_end/program.h"

namespace {

using ::testing::HasSubstr;

struct BadSuite {
  const char* name;
  const char* text;
  const char* line;  // "suite.toml:3"
  const char* field;
};

class RefusesASuiteWith : public ::testing::TestWithParam<BadSuite> {};

TEST_P(RefusesASuiteWith, OneLineThatNamesFileLineAndField) {
  program::Folder folder;
  program::write(folder / "suite.toml", GetParam().text);
  const auto result = program::ergon(folder, "run suite.toml --out result.json");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().line));
  EXPECT_THAT(result.err, HasSubstr(GetParam().field));
  EXPECT_FALSE(program::fs::exists(folder / "result.json"));
  EXPECT_FALSE(program::fs::exists(folder / "result.json.journal"));
}

INSTANTIATE_TEST_SUITE_P(
    Suites, RefusesASuiteWith,
    ::testing::Values(
        BadSuite{"AnUnknownKey", "name = \"x\"\ncolour = 3\n[[gemm]]\nm = 1\nn = 1\nk = 1\n",
                 "suite.toml:2", "colour"},
        BadSuite{"AnUnknownField", "name = \"x\"\n[[gemm]]\nm = 1\nn = 1\nk = 1\nfoo = 2\n",
                 "suite.toml:6", "foo"},
        BadSuite{"AWrongType", "name = \"x\"\n[[gemm]]\nm = \"big\"\nn = 1\nk = 1\n",
                 "suite.toml:3", "m"},
        BadSuite{"ANegativeSize", "name = \"x\"\n[[gemm]]\nm = 1\nn = -4\nk = 1\n", "suite.toml:4",
                 "n"},
        BadSuite{
            "AnOverflowingProduct",
            "name = \"x\"\n[[gemm]]\nm = 4611686018427387904\nn = 4611686018427387904\nk = 8\n",
            "suite.toml", "gemm"},
        BadSuite{"AMissingField", "name = \"x\"\n[[gemm]]\nm = 1\nn = 1\n", "suite.toml:2", "k"},
        BadSuite{"AnUnknownKernel", "name = \"x\"\n[[gem]]\nm = 1\n", "suite.toml:2", "gem"},
        BadSuite{"AnUnknownBackend",
                 "name = \"x\"\n[[gemm]]\nm = 1\nn = 1\nk = 1\nbackend = \"magic\"\n", "suite.toml",
                 "backend"},
        BadSuite{"AnUnknownDtype", "name = \"x\"\n[[gemm]]\nm = 1\nn = 1\nk = 1\ndtype = \"f17\"\n",
                 "suite.toml:6", "dtype"},
        BadSuite{"BrokenToml", "name = \"x\"\n[[gemm]\nm = 1\n", "suite.toml:2", ""},
        BadSuite{"NoSyntaxAtAll", "\x01\x02\x03", "suite.toml:1", ""}),
    [](const auto& test) { return test.param.name; });

class RefusesTheArguments : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusesTheArguments, OneLineAndExitCodeTwo) {
  program::Folder folder;
  program::write(folder / "suite.toml", program::small_suite);
  program::write(folder / "truncated.json", "{\"schema\": \"ergon-result/1\", \"run\": {");
  program::write(folder / "other.json", "{\"schema\": \"something-else\"}");
  program::write(folder / "deep.json", std::string(2'000'000, '['));
  program::write(folder / "empty.json", "");
  program::write(folder / "text.so", "not a library");
  const auto result = program::ergon(folder, GetParam());
  EXPECT_EQ(result.exit_code, 2) << result.out << result.err;
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
  EXPECT_FALSE(program::fs::exists(folder / "result.json"));
}

TEST(Numbers, AreRefusedInAFewWords) {
  program::Folder folder;
  for (const char* value : {"nan", "inf", "0", "-1"}) {
    const auto result = program::ergon(folder, std::string("doctor --watts ") + value);
    EXPECT_EQ(result.err, "error: command line: --watts: '" + std::string(value) +
                              "' is no number above 0 and up to 1e+12\n");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, RefusesTheArguments,
    ::testing::Values(
        "run nothing.toml", "run suite.toml --filter '['",
        "list suite.toml --filter \"$(printf '%0.s(' $(seq 60000))\"",
        "list suite.toml --filter 'a{2}'", "run suite.toml --threads 0",
        "run suite.toml --threads many", "run suite.toml --cache tepid", "run suite.toml --colour",
        "run suite.toml --backend magic", "run suite.toml --meter magic",
        "run suite.toml --watts -3", "run suite.toml --usd-per-hour -1",
        "run suite.toml --instance no-such-instance", "run suite.toml --budget -1",
        "run suite.toml --isa sse9", "list suite.toml --isa ''",
        "compare --live openblas openblas --isa sse9",
        "run suite.toml --isa sse9 --benchmark_list_tests", "run suite.toml --launches 0", "run ''",
        "list ''", "list suite.toml --filter zzz", "run suite.toml --filter zzz",
        "compare --live openblas openblas --suite ''",
        "compare --live openblas openblas --suite suite.toml --out ''",
        "run suite.toml --watts nan", "run suite.toml --usd-per-hour nan",
        "run suite.toml --usd-per-hour inf", "run suite.toml --budget nan",
        "run suite.toml --budget 1e9", "run suite.toml --budget 0", "run suite.toml --launches nan",
        "report truncated.json --usd-per-hour nan", "doctor --watts nan", "doctor --watts inf",
        "doctor --watts 1e400", "doctor --watts 3W",
        "compare truncated.json truncated.json --margin nan",
        "compare truncated.json truncated.json --launch-spread nan",
        "compare --live openblas openblas --budget nan", "run suite.toml --out ''",
        "run suite.toml --out /no/such/folder/result.json", "run suite.toml --resume nothing.json",
        "report nothing.json", "report truncated.json", "report other.json", "report deep.json",
        "report empty.json", "verify truncated.json", "verify nothing.json",
        "compare truncated.json truncated.json", "compare other.json",
        "report truncated.json --format png", "run --benchmark_colour=red suite.toml", "dance",
        ""));

}  // namespace
