// A suite that names models instead of sizes, from any folder; and what it gets wrong, in one line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/end_to_end/program.h"

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* head = "name = \"layers\"\n[[gemm]]\nm = [1, 4]\n";
constexpr const char* naive = "backend = \"naive\"\nthreads = 1\ncache = \"warm\"\n";

program::Result list(const std::string& keys) {
  program::Folder folder;
  program::write(folder / "suite.toml", head + keys + naive);
  return program::ergon(folder, "list suite.toml");
}

TEST(Models, StandForTheirSizes) {
  const auto result = list("model = [\"qwen2.5-7b\", \"gpt-oss-20b\"]\npart = \"attention\"\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* shape : {"n=4608,k=3584", "n=3584,k=3584", "n=5120,k=2880", "n=2880,k=4096"})
    for (const char* m : {"m=1,", "m=4,"})
      EXPECT_THAT(result.out, HasSubstr(std::string("gemm/") + m + shape + "/f32/naive"));
  EXPECT_EQ(program::lines(result.out), 1 + 8) << result.out;
}

TEST(Models, TooLargeForThisMachineAreListedWithTheirMemory) {
  program::Folder folder;
  program::fs::create_directories(folder / "proc");
  program::write(folder / "proc/meminfo", "MemAvailable: 1000000 kB\n");
  program::write(folder / "suite.toml",
                 std::string(head) + "model = \"llama-3.1-405b\"\npart = \"ffn\"\n" + naive);
  const auto result = program::ergon(folder, "list suite.toml", "ERGON_PROC=proc");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("m=4,n=106496,k=16384/f32/naive/cpu/threads:1/warm: needs "));
  EXPECT_THAT(result.out, HasSubstr(" MiB, 342 MiB may be used\n"));
}

TEST(Models, AreVerifiedWhereTheyAreKnownAndElseSaidToBeUnknown) {
  program::Folder folder;
  program::write(folder / "suite.toml", std::string("name = \"layers\"\n[budget]\nseconds = 1\n") +
                                            "[[gemm]]\nm = 1\nmodel = \"gpt-oss-20b\"\n" +
                                            "part = \"router\"\n" + naive);
  ASSERT_TRUE(program::ran(program::ergon(folder, "run suite.toml --meter none --out a.json")));
  const auto here = program::ergon(folder, "verify a.json");
  EXPECT_EQ(here.exit_code, 0) << here.out << here.err;
  EXPECT_THAT(here.out, AllOf(HasSubstr("consistent"), Not(HasSubstr("note: "))));

  program::fs::create_directories(folder / "elsewhere/suites");
  const auto elsewhere = program::ergon(folder, "verify a.json", "ERGON_CONFIGS=elsewhere");
  EXPECT_EQ(elsewhere.exit_code, 0) << elsewhere.out << elsewhere.err;
  EXPECT_THAT(elsewhere.out, AllOf(HasSubstr("consistent"),
                                   HasSubstr("note: its rows were not looked for among the cases "
                                             "of its suite: suite:6: gemm[1].model: ")));
}

TEST(Models, StandForTheirAttention) {
  program::Folder folder;
  program::write(folder / "suite.toml",
                 std::string("name = \"layers\"\n[budget]\nseconds = 1\n[[attention]]\n") +
                     "phase = \"prefill\"\nkv_len = 16\nmodel = \"gpt-oss-20b\"\n" + naive);
  const auto run = program::ergon(folder, "run suite.toml --meter none --out a.json");
  ASSERT_TRUE(program::ran(run));
  EXPECT_THAT(run.out, AllOf(HasSubstr("KV 2048 B/token"), HasSubstr("full square 4.19 MFLOP"),
                             HasSubstr("window=128")));
  const auto verified = program::ergon(folder, "verify a.json");
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  const auto report = program::ergon(folder, "report a.json --group-by implementation");
  EXPECT_THAT(report.out, HasSubstr("attention phase=prefill q_heads=64 kv_heads=8 head_dim=64"));
}

struct Mistake {
  const char* name;
  const char* keys;
  const char* says;
};

class RefusesModelsWith : public ::testing::TestWithParam<Mistake> {};

TEST_P(RefusesModelsWith, OneLineThatNamesFileLineAndField) {
  const auto result = list(GetParam().keys);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(program::lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RefusesModelsWith,
    ::testing::Values(
        Mistake{"AnUnknownModel", "model = \"llama-3.1-80b\"\n",
                "suite.toml:4: gemm[1].model: there is no model 'llama-3.1-80b'"},
        Mistake{"AnUnknownPart", "model = \"qwen3-8b\"\npart = \"atention\"\n",
                "suite.toml:5: gemm[1].part: qwen3-8b has no part 'atention'; did you mean "
                "'attention'?"},
        Mistake{"APartThatTheModelLacks", "model = \"qwen3-30b-a3b\"\npart = \"ffn\"\n",
                "suite.toml:5: gemm[1].part: qwen3-30b-a3b has no part 'ffn'; it has all, "},
        Mistake{"ASizeBeside", "model = \"qwen3-8b\"\nk = 64\n",
                "suite.toml:5: gemm[1].k: cannot stand beside `model`"},
        Mistake{"APartAlone", "n = 1\nk = 1\npart = \"ffn\"\n",
                "suite.toml:6: gemm[1].part: is of a model"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
