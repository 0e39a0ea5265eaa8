#include "bench/config/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace ergon::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Suite suite_of(const std::string& body) { return parse_suite("name = \"t\"\n" + body, "t.toml"); }

/// The message of the error that `text` must cause.
std::string refusal(const std::string& text) {
  try {
    parse_suite(text, "t.toml");
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

/// "a.a.a", of `parts` parts.
std::string dotted(int parts) {
  std::string out = "a";
  for (int i = 1; i < parts; ++i) out += ".a";
  return out;
}

std::string text_of(const SuiteValue& value) { return std::get<std::string>(value.value); }

TEST(Suite, KeepsNameSeedTextAndItsDigest) {
  const std::string text = "name = \"mine\"\nseed = 7\n[budget]\nseconds = 1.5\n[[gemm]]\nm = 1\n";
  const Suite suite = parse_suite(text, "t.toml");
  EXPECT_EQ(suite.name, "mine");
  EXPECT_EQ(suite.seed, 7u);
  EXPECT_EQ(suite.budget_seconds, 1.5);
  EXPECT_EQ(suite.text, text);
  EXPECT_EQ(suite.sha256, "c63f00c38e6bbdd90aa2d5906c7f7093312c21c9951c28d345f308b4e3221024");
}

TEST(Suite, HasSeedOneAndNoBudgetWhereNoneIsGiven) {
  const Suite suite = suite_of("[[gemm]]\nm = 1\n");
  EXPECT_EQ(suite.seed, 1u);
  EXPECT_FALSE(suite.budget_seconds.has_value());
}

TEST(Suite, SplitsBackendThreadsAndCacheFromTheFields) {
  const Suite suite = suite_of(
      "[[gemm]]\nm = 1\nbackend = [\"onednn\", \"cblas:openblas\"]\nthreads = [2, \"all\"]\n"
      "cache = \"cold\"\n");
  const SuiteEntry& entry = suite.entries.at(0);
  EXPECT_THAT(entry.backends, ElementsAre("onednn", "cblas:openblas"));
  EXPECT_THAT(entry.threads, ElementsAre(std::optional<int>(2), std::nullopt));
  EXPECT_THAT(entry.caches, ElementsAre("cold"));
  ASSERT_EQ(entry.lists.size(), 1u);
  EXPECT_EQ(entry.lists[0].first, "m");
}

TEST(Suite, LeavesWhatWasNotGivenEmpty) {
  const Suite suite = suite_of("[[gemm]]\nm = 1\n");
  EXPECT_TRUE(suite.entries.at(0).backends.empty());
  EXPECT_TRUE(suite.entries.at(0).threads.empty());
  EXPECT_TRUE(suite.entries.at(0).caches.empty());
}

TEST(Suite, KeepsTheTypeOfEveryValue) {
  const Suite suite =
      suite_of("[[gemm]]\nm = 3\nbeta = 0.5\ntranspose_a = true\ndtype = \"f32\"\n");
  const SuiteCase fields = expand(suite.entries.at(0)).at(0);
  EXPECT_EQ(std::get<std::int64_t>(fields.at("m").value), 3);
  EXPECT_EQ(std::get<double>(fields.at("beta").value), 0.5);
  EXPECT_EQ(std::get<bool>(fields.at("transpose_a").value), true);
  EXPECT_EQ(text_of(fields.at("dtype")), "f32");
}

TEST(Suite, MultipliesListsOutWithTheLastVaryingFastest) {
  const Suite suite = suite_of("[[gemm]]\nz = [1, 2]\na = [\"x\", \"y\", \"w\"]\n");
  const auto cases = expand(suite.entries.at(0));
  ASSERT_EQ(cases.size(), 6u);
  std::string order;
  for (const SuiteCase& fields : cases)
    order += std::to_string(std::get<std::int64_t>(fields.at("z").value)) +
             text_of(fields.at("a")) + " ";
  EXPECT_EQ(order, "1x 1y 1w 2x 2y 2w ");
}

TEST(Suite, AnEntryWithoutFieldsIsOneCase) {
  EXPECT_EQ(expand(suite_of("[[gemm]]\n").entries.at(0)).size(), 1u);
}

TEST(Suite, CountsEntriesOfEachKernelAndKnowsTheirLines) {
  const Suite suite =
      suite_of("[[gemm]]\nm = 1\n[[other]]\nx = 1\n[[gemm]]\nn = 1\nm = [\n 1,\n 2]\n");
  ASSERT_EQ(suite.entries.size(), 3u);
  const auto second = std::find_if(suite.entries.begin(), suite.entries.end(), [](const auto& e) {
    return e.kernel == "gemm" && e.index == 2;
  });
  ASSERT_NE(second, suite.entries.end());
  EXPECT_EQ(second->where("n").field, "gemm[2].n");
  EXPECT_EQ(second->where("n").line, 7);
  EXPECT_EQ(second->where("absent").line, 6);
  EXPECT_EQ(second->lists.at(1).second.at(1).line, 10);
}

TEST(Suite, KnowsTheLinesOfBackendThreadsAndCache) {
  const Suite suite = suite_of("[[gemm]]\nm = 1\nbackend = \"x\"\nthreads = 1\ncache = \"cold\"\n");
  EXPECT_EQ(suite.entries.at(0).where("backend").line, 4);
  EXPECT_EQ(suite.entries.at(0).where("threads").line, 5);
  EXPECT_EQ(suite.entries.at(0).where("cache").line, 6);
}

TEST(Suite, NamesTheNearestKeyForAnUnknownOne) {
  EXPECT_EQ(refusal("name = \"t\"\nsede = 1\n[[gemm]]\nm = 1\n"),
            "t.toml:2: sede: is not known here; did you mean 'seed'?");
  EXPECT_EQ(refusal("name = \"t\"\n[budget]\nsecond = 1\nseconds = 2\n[[gemm]]\nm = 1\n"),
            "t.toml:3: budget.second: is not known here; did you mean 'seconds'?");
}

TEST(Suite, RefusesWrongTypesWithFileLineAndField) {
  EXPECT_EQ(refusal("name = 3\n[[gemm]]\nm = 1\n"),
            "t.toml:1: name: must be a string, not an integer");
  EXPECT_EQ(refusal("name = \"t\"\nseed = 1.5\n[[gemm]]\nm = 1\n"),
            "t.toml:2: seed: must be an integer, not a number");
  EXPECT_EQ(refusal("name = \"t\"\nseed = -1\n[[gemm]]\nm = 1\n"),
            "t.toml:2: seed: must not be negative");
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\nm = [[1]]\n"),
            "t.toml:3: gemm[1].m: must be a value or a list of values, not a list");
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\nm = { a = 1 }\n"),
            "t.toml:3: gemm[1].m: must be a value or a list of values, not a table");
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\nbackend = 3\n"),
            "t.toml:3: gemm[1].backend: must hold names (strings)");
}

TEST(Suite, RefusesAnEmptyList) {
  EXPECT_THAT(refusal("name = \"t\"\n[[gemm]]\nm = []\n"),
              HasSubstr("t.toml:3: gemm[1].m: is an empty"));
  EXPECT_THAT(refusal("name = \"t\"\n[[gemm]]\nbackend = []\n"),
              HasSubstr("gemm[1].backend: is an empty"));
}

TEST(Suite, RefusesThreadsThatCannotBe) {
  for (const char* threads : {"0", "-1", "1.5", "\"some\"", "true", "99999999999"})
    EXPECT_THAT(refusal(std::string("name = \"t\"\n[[gemm]]\nthreads = ") + threads + "\n"),
                HasSubstr("t.toml:3: gemm[1].threads: must hold integers from 1"))
        << threads;
}

TEST(Suite, RefusesACacheStateThatIsNone) {
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\ncache = \"wram\"\n"),
            "t.toml:3: gemm[1].cache: 'wram' is not known; did you mean 'warm'?");
}

TEST(Suite, RefusesNumbersThatAreNotFinite) {
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\nbeta = nan\n"),
            "t.toml:3: gemm[1].beta: is not a finite number");
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\nbeta = [1.0, inf]\n"),
            "t.toml:3: gemm[1].beta[2]: is not a finite number");
}

TEST(Suite, RefusesASuiteWithoutCasesOrWithoutName) {
  EXPECT_THAT(refusal("name = \"t\"\n"), HasSubstr("t.toml: holds no cases"));
  EXPECT_THAT(refusal("[[gemm]]\nm = 1\n"), HasSubstr("name: is missing"));
}

TEST(Suite, RefusesASingleTableForAList) {
  EXPECT_EQ(refusal("name = \"t\"\n[gemm]\nm = 1\n"),
            "t.toml:2: gemm: is one table; cases are written [[gemm]]");
}

TEST(Suite, RefusesMoreCombinationsThanItsLimit) {
  std::string list = "[";
  for (int i = 0; i < 400; ++i) list += std::to_string(i) + ",";
  list += "]";
  EXPECT_EQ(refusal("name = \"t\"\n[[gemm]]\na = " + list + "\nb = " + list + "\n"),
            "t.toml:4: gemm[1].b: the lists multiply out to more than 100000 cases");
}

TEST(Suite, TellsASyntaxErrorInOneLine) {
  EXPECT_THAT(refusal("name = \"t\"\n[[gemm]\nm = 1\n"), testing::StartsWith("t.toml:2: "));
  EXPECT_THAT(refusal("name = \"t\"\nname = \"u\"\n"), testing::StartsWith("t.toml:2: "));
  EXPECT_THAT(refusal("seed = 99999999999999999999\n"), HasSubstr("not representable in 64 bits"));
  EXPECT_THAT(refusal("name = 2026-01-01\n"), HasSubstr("date or time"));
  EXPECT_THAT(refusal("a = " + std::string(100000, '[')), HasSubstr("nested"));
  EXPECT_THAT(refusal("\xff\xfe"), testing::StartsWith("t.toml:1: "));
  const std::string deep = dotted(20000);
  EXPECT_THAT(refusal("x = 1\n" + deep + " = 1\n"), HasSubstr("t.toml:2: is nested deeper"));
  EXPECT_THAT(refusal("x = \"\"\"\n.\n\"\"\"\"\n[" + deep + "]\n"),
              HasSubstr("t.toml:4: is nested"));
  EXPECT_THAT(refusal("[[" + deep + "]]\n"), HasSubstr("t.toml:1: is nested"));
  // No level is deep by itself.
  std::string tables = "x = 1";
  for (int i = 0; i < 30; ++i) tables = dotted(60) + " = {" + tables + "}";
  EXPECT_THAT(refusal(tables), HasSubstr("is nested"));
}

TEST(Suite, MayHoldDotsAndBracketsInItsTextAndLongLists) {
  std::string list = "1.5";
  for (int i = 0; i < 1000; ++i) list += ", 1.5";
  const std::string dots = dotted(1000);
  const std::string text = "name = \"" + dots + "\" # " + dots + "\n" +  //
                           "[[gemm]]\nm = 1\nalpha = [" + list + "]\nnote = '" +
                           std::string(500, '[') + "'\n";
  EXPECT_EQ(parse_suite(text, "t.toml").name, dots);
}

TEST(Suite, TellsAMissingFileAndAFolder) {
  EXPECT_THROW(
      {
        try {
          load_suite("/does/not/exist.toml", Absent{});
        } catch (const UserError& error) {
          EXPECT_STREQ(error.what(),
                       "/does/not/exist.toml: cannot be opened: No such file or directory");
          throw;
        }
      },
      UserError);
  EXPECT_THROW(load_suite("/", Absent{}), UserError);
}

}  // namespace
}  // namespace ergon::config
